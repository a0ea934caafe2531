//! The thread that hears UDP.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use rosc::{OscPacket, encoder};

use super::ear::Ear;

/// Largest datagram there is.
const MAX_LEN: usize = 65_536;
/// Longest wait for a datagram, so that the end of the show and what other threads have scheduled
/// are seen.
const PATIENCE: Duration = Duration::from_millis(20);
/// Shortest wait: a socket takes none of 0.
const MIN_WAIT: Duration = Duration::from_micros(500);

pub(super) fn start(
    udp: UdpSocket,
    ear: &Arc<Ear>,
    stop: &Arc<AtomicBool>,
) -> io::Result<JoinHandle<()>> {
    udp.set_read_timeout(Some(PATIENCE))?;
    let (ear, stop) = (ear.clone(), stop.clone());
    Builder::new().name("lumawire-osc".into()).spawn(move || listen(&udp, &ear, &stop))
}

fn listen(udp: &UdpSocket, ear: &Ear, stop: &AtomicBool) {
    let mut bytes = vec![0; MAX_LEN];
    let mut timeout = PATIENCE;
    let mut next_look = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        if now >= next_look {
            let wait = ear.do_what_is_due(now).unwrap_or(PATIENCE).clamp(MIN_WAIT, PATIENCE);
            next_look = now + wait;
            if wait != timeout && udp.set_read_timeout(Some(wait)).is_ok() {
                timeout = wait;
            }
        }
        match udp.recv_from(&mut bytes) {
            Ok((len, from)) => {
                ear.set_last_sender(from);
                let mut reply = |packet: &OscPacket| {
                    if let Ok(bytes) = encoder::encode(packet) {
                        // A sender that is gone needs no answer.
                        let _ = udp.send_to(&bytes, from);
                    }
                };
                let datagram = bytes.get(..len).unwrap_or_default();
                ear.hear(datagram, from.ip(), Instant::now(), &mut reply);
            }
            Err(error) if is_timeout(&error) => {}
            // Such as the news that an answer did not arrive.
            Err(_) => thread::sleep(MIN_WAIT),
        }
    }
}

/// Whether nothing came in time.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
