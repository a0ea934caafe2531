//! One connection: a request, and its answer or a WebSocket.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::http::{Response, StatusCode, Uri, header};

use super::client;
use super::tree::{self, Host};
use super::values::Values;
use crate::control::osc::ear::Ear;
use crate::control::osc::listener::is_timeout;

/// Length of a request's head, in bytes.
const MAX_HEAD_LEN: usize = 8_192;
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a read waits, so that the end of the show is seen.
const LOOK: Duration = Duration::from_millis(20);
/// Pieces of 1 KiB that are read after the answer.
const MAX_LEFT: usize = 64;
/// How long an answer may take to leave.
const WRITE_PATIENCE: Duration = Duration::from_secs(2);

/// Talks with a client until it has what it wants.
pub(super) fn talk(
    mut stream: TcpStream,
    host: &Host,
    ear: &Ear,
    stop: &AtomicBool,
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK))?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    let (request, rest) = match read_head(&mut stream, stop)? {
        Ok(read) => read,
        Err(status) => return answer(&mut stream, status, None),
    };
    if request.headers().contains_key(header::UPGRADE) {
        if !may_steer(&request, host.query.ip()) {
            return answer(&mut stream, StatusCode::FORBIDDEN, None);
        }
        let Ok(accepted) = create_response(&request) else {
            return answer(&mut stream, StatusCode::BAD_REQUEST, None);
        };
        write_response(&mut stream, &accepted).map_err(io::Error::other)?;
        return client::serve(stream, rest, ear, stop);
    }
    match reply(request.uri(), host, ear) {
        Ok(json) => answer(&mut stream, StatusCode::OK, Some(&json)),
        Err(status) => answer(&mut stream, status, None),
    }
}

/// The request, and what has already come after it; or the status that refuses it.
fn read_head(
    stream: &mut TcpStream,
    stop: &AtomicBool,
) -> io::Result<Result<(Request, Vec<u8>), StatusCode>> {
    let (mut head, mut piece) = (Vec::new(), [0; 1_024]);
    let started = Instant::now();
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => head.extend_from_slice(piece.get(..n).unwrap_or_default()),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
        match Request::try_parse(&head) {
            Ok(Some((len, request))) => return Ok(Ok((request, head.split_off(len)))),
            Ok(None) if head.len() > MAX_HEAD_LEN => {
                return Ok(Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
            }
            Ok(None) if stop.load(Ordering::Relaxed) || started.elapsed() > PATIENCE => {
                return Ok(Err(StatusCode::REQUEST_TIMEOUT));
            }
            Ok(None) => {}
            Err(_) => return Ok(Err(StatusCode::BAD_REQUEST)),
        }
    }
}

/// Browsers let every page open a WebSocket to this machine; a page from elsewhere must not steer a
/// show that is closed to the network. Programs that are no browsers send no origin.
fn may_steer(request: &Request, own: IpAddr) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return true };
    let host = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let host = host.as_ref().and_then(Uri::host).unwrap_or_default();
    let host = host.trim_matches(['[', ']']);
    let is_own = |ip: IpAddr| ip.is_loopback() || ip == own;
    host == "localhost" || host.parse().is_ok_and(is_own)
}

/// What a query is answered with.
fn reply(uri: &Uri, host: &Host, ear: &Ear) -> Result<Json, StatusCode> {
    let path = decoded(uri.path()).ok_or(StatusCode::BAD_REQUEST)?;
    let attribute = uri.query().filter(|query| !query.is_empty());
    if attribute == Some("HOST_INFO") {
        return Ok(tree::host_info(host));
    }
    let space = ear.space();
    let values = Values::read(&ear.board);
    let node = tree::node(&space, &values, &path).ok_or(StatusCode::NOT_FOUND)?;
    match attribute {
        None => Ok(node),
        Some(attribute) => tree::attribute(&node, attribute),
    }
}

/// A path without its percent signs.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

fn answer(stream: &mut TcpStream, status: StatusCode, json: Option<&Json>) -> io::Result<()> {
    let body = json.map(Json::to_string).unwrap_or_default();
    let mut response = Response::builder()
        .status(status)
        .header(header::CONNECTION, "close")
        .header(header::CACHE_CONTROL, "no-store");
    if status != StatusCode::NO_CONTENT {
        response = response.header(header::CONTENT_LENGTH, body.len());
    }
    if json.is_some() {
        response = response.header(header::CONTENT_TYPE, "application/json");
    }
    let response = response.body(()).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    write_response(&mut bytes, &response).map_err(io::Error::other)?;
    bytes.extend_from_slice(body.as_bytes());
    stream.write_all(&bytes)?;
    stream.shutdown(Shutdown::Write)?;
    // What is left unread would tear the connection down before the answer is read.
    let mut piece = [0; 1_024];
    for _ in 0..MAX_LEFT {
        if !matches!(stream.read(&mut piece), Ok(n) if n > 0) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn percent_signs_are_read() {
        assert_eq!(decoded("/a%20b/%2F").as_deref(), Some("/a b//"));
        for bad in ["/%", "/%2", "/%zz", "/%ff"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn pages_from_elsewhere_may_not_steer() {
        let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let from = |origin: &str| Request::builder().header("Origin", origin).body(()).unwrap();
        for origin in ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:3000"] {
            assert!(may_steer(&from(origin), own), "{origin}");
        }
        for origin in ["https://evil.example", "null", "http://127.0.0.1.evil.example", "file://"] {
            assert!(!may_steer(&from(origin), own), "{origin}");
        }
        assert!(may_steer(&Request::new(()), own));
    }
}
