//! OSC and OSCQuery of a running show, over real sockets of this machine.

#![allow(clippy::expect_used)] // helpers of tests are tests

mod stubs;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lumawire_core::control::Score;
use lumawire_core::outbox::{Numbers, Outbox};
use lumawire_core::{ParamValue, patch};
use lumawire_runtime::control::osc::{
    Counts, Destination, Listen, Osc, Ports, Settings, Show as Steered,
};
use lumawire_runtime::control::{Board, Desk, Notice};
use lumawire_runtime::show::Show;
use lumawire_runtime::transport::Silence;
use lumawire_runtime::{Engine, FrameMode, RunCx, prepare};
use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType, decoder, encoder};
use serde_json::Value as Json;
use stubs::plan;

const NODES: &str = r#""slow": { "kind": "stub.add@1" },
    "paint": { "kind": "stub.paint@1" }, "sink": { "kind": "stub.sink@1" }"#;
const WIRES: &[&str] = &["slow.out -> paint.in", "paint.image -> sink.image"];
const SCORE: &str = r#""bindings": { "slow.add": { "osc": "/fader", "range": [0, 8] } },
    "presets": { "calm sea": { "values": { "slow.add": 6 } } },
    "cues": { "list": [ { "name": "one" }, { "name": "two", "values": { "paint.level": 0.25 } } ] }"#;
/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A show that runs a frame whenever it is asked to, and a program that talks to it.
struct Rig {
    show: Show<Silence>,
    board: Arc<Board>,
    notices: crossbeam_channel::Receiver<Notice>,
    osc: Osc,
    outbox: Arc<Outbox>,
    at: SocketAddr,
    query: SocketAddr,
    socket: UdpSocket,
}

fn rig(feedback: &[Destination]) -> Rig {
    let feedback = feedback.to_vec();
    rig_with(Settings { name: "Test".into(), feedback, ..Settings::default() })
}

fn rig_with(settings: Settings) -> Rig {
    let text = format!(
        r#"{{ "format": "lumawire-patch", "version": 1, "nodes": {{ {NODES} }}, {SCORE} }}"#
    );
    let (score, faults) = Score::of(&patch::parse(&text).expect("patch").graph);
    assert_eq!(faults, []);
    let engine = Engine::new(prepare(plan(NODES, WIRES), &RunCx::default(), None));
    let desk = Desk::new(score);
    let (board, notices) = (desk.board(), desk.notices());
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let ports = Ports::open(Some(&Listen { ip, port: 0, query_port: Some(0) })).expect("ports");
    let (at, query) = (ports.osc().expect("UDP"), ports.query().expect("TCP"));
    let steered = Steered {
        plan: engine.plan().clone(),
        score: desk.score(),
        remote: desk.remote(),
        board: board.clone(),
    };
    let outbox = Arc::new(Outbox::new(Vec::new()));
    let osc = Osc::start(ports, settings, steered, outbox.clone()).expect("threads");
    let show = Show::new(engine, Silence::new(1, None)).with_desk(desk);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("timeout");
    Rig { show, board, notices, osc, outbox, at, query, socket }
}

fn message(addr: &str, args: Vec<OscType>) -> OscPacket {
    OscPacket::Message(OscMessage { addr: addr.into(), args })
}

impl Rig {
    fn send(&self, addr: &str, args: Vec<OscType>) {
        self.send_packet(&message(addr, args));
    }

    fn send_packet(&self, packet: &OscPacket) {
        let bytes = encoder::encode(packet).expect("encodes");
        self.socket.send_to(&bytes, self.at).expect("sends");
    }

    fn frame(&mut self) {
        self.show.run_until_frame().expect("silence");
        self.show.engine.frame(FrameMode::Full);
    }

    /// Runs frames until `is_so`.
    fn until<T>(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            self.frame();
            if let Some(found) = is_so(self) {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "{what}: it never came");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn base(&self, node: &str, param: &str) -> f64 {
        let plan = self.show.engine.plan();
        let step = plan.steps.iter().position(|s| s.id == node).expect("node");
        let param = plan.steps[step].spec.param(param).expect("parameter");
        self.show.engine.base_at((step, param)).and_then(ParamValue::as_f64).expect("number")
    }

    fn until_base(&mut self, node: &str, param: &str, expected: f64) {
        self.until(&format!("{node}.{param} = {expected}"), |rig| {
            ((rig.base(node, param) - expected).abs() < 1e-6).then_some(())
        });
    }

    fn until_counts(&mut self, is_so: impl Fn(&Counts) -> bool) -> Counts {
        self.until("counts", |rig| Some(rig.osc.counts()).filter(&is_so))
    }

    /// The answer to `GET target`: status and JSON.
    fn get(&self, target: &str) -> (u16, Json) {
        let text = self.http(&format!("GET {target} HTTP/1.1\r\nHost: show\r\n\r\n"));
        let status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("status");
        let body = text.split_once("\r\n\r\n").expect("head").1;
        (status, serde_json::from_str(body).unwrap_or(Json::Null))
    }

    fn http(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.query).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        stream.write_all(request.as_bytes()).expect("writes");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("reads");
        text
    }
}

fn heard(socket: &UdpSocket) -> OscMessage {
    let mut bytes = [0; 65_536];
    let (len, _) = socket.recv_from(&mut bytes).expect("a packet");
    match decoder::decode_udp(&bytes[..len]).expect("OSC").1 {
        OscPacket::Message(message) => message,
        OscPacket::Bundle(bundle) => panic!("{bundle:?}"),
    }
}

#[test]
fn messages_steer_parameters_presets_and_cues() {
    let mut rig = rig(&[]);
    rig.send("/lumawire/slow/add", vec![OscType::Float(2.5)]);
    rig.until_base("slow", "add", 2.5);
    rig.send("/lumawire/slow/add", vec![OscType::String("-1.5".into())]);
    rig.until_base("slow", "add", -1.5);
    rig.send("/fader", vec![OscType::Double(0.25)]);
    rig.until_base("slow", "add", 2.0);
    rig.send("/lumawire/*/level", vec![OscType::Int(1)]);
    rig.until_base("paint", "level", 1.0);
    rig.send("/lumawire/preset/calm_sea", vec![]);
    rig.until_base("slow", "add", 6.0);
    rig.send("/lumawire/cue/two", vec![OscType::Float(0.0)]);
    rig.send("/lumawire/cue/go", vec!["two".into()]);
    rig.until_base("paint", "level", 0.25);
    rig.send("/lumawire/cue/previous", vec![]);
    rig.until("the cue before", |rig| (rig.board.cue().as_deref() == Some("one")).then_some(()));
    let cues: Vec<_> = rig.notices.try_iter().collect();
    assert_eq!(cues, [Notice::Cue("two".into()), Notice::Cue("one".into())], "0 is a release");
    rig.send("/lumawire/slow/add/free", vec![]);
    rig.until_base("slow", "add", 0.0);
    let counts = rig.osc.counts();
    assert_eq!((counts.num_messages, counts.num_refused), (9, 0), "{counts:?}");
}

#[test]
fn what_makes_no_sense_is_counted_and_told_once() {
    let mut rig = rig(&[]);
    let mut packets: Vec<Vec<u8>> = vec![vec![], b"junk".to_vec(), vec![0xff; 1_000]];
    packets.push(b"#bundle\0\0\0\0\0\0\0\0\x01\xff\xff\xff\xff".to_vec());
    for packet in &packets {
        rig.socket.send_to(packet, rig.at).expect("sends");
    }
    for _ in 0..3 {
        rig.send("/no\x1b[31m/such", vec![]);
    }
    rig.send("/lumawire/slow/add", vec![OscType::Float(f32::NAN)]);
    rig.send("/lumawire/slow/add", vec![OscType::Blob(vec![0xfe])]);
    rig.send("/lumawire/slow/add", vec![OscType::Int(3)]);
    rig.until_base("slow", "add", 3.0);
    let counts = rig.osc.counts();
    let expected = Counts {
        num_messages: 6,
        num_malformed: 4,
        num_unknown: 3,
        num_refused: 2,
        num_late: 0,
        num_unsent: 0,
    };
    assert_eq!(counts, expected);
    let notes: Vec<String> = rig.osc.notes().try_iter().collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("/no") && !notes[0].contains('\x1b'), "{notes:?}");
}

#[test]
fn bundles_count_at_their_time() {
    let mut rig = rig(&[]);
    let bundle = |secs: f64, addr: &str, v: f32| {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("now");
        let at = since_1970.as_secs_f64() + 2_208_988_800.0 + secs;
        let fractional = (at.fract() * 4_294_967_296.0) as u32;
        let timetag = OscTime { seconds: at as u32, fractional };
        let content = vec![message(addr, vec![OscType::Float(v)])];
        OscPacket::Bundle(OscBundle { timetag, content })
    };
    let sent = Instant::now();
    rig.send_packet(&bundle(0.5, "/lumawire/paint/level", 7.0));
    rig.send_packet(&bundle(-3.0, "/lumawire/slow/add", 9.0));
    rig.send_packet(&bundle(86_400.0, "/lumawire/slow/add", 1.0));
    rig.until_base("slow", "add", 1.0);
    rig.until_base("paint", "level", 7.0);
    assert!(sent.elapsed() > Duration::from_millis(490), "not before its time");
    let counts = rig.osc.counts();
    assert_eq!((counts.num_late, counts.num_refused), (2, 0), "a day ahead is another clock's");
}

#[test]
fn a_sender_is_answered_and_controllers_are_told() {
    let controller = UdpSocket::bind("127.0.0.1:0").expect("socket");
    controller.set_read_timeout(Some(PATIENCE)).expect("timeout");
    let to = controller.local_addr().expect("address");
    let mut rig = rig(&[Destination::Fixed(to)]);
    // At first, everything.
    rig.frame();
    let mut first = Vec::new();
    while !first.iter().any(|m: &OscMessage| m.addr == "/lumawire/slow/add") {
        first.push(heard(&controller));
    }
    assert!(
        first.contains(&OscMessage { addr: "/fader".into(), args: vec![0.0_f32.into()] })
            || heard(&controller).addr == "/fader"
    );
    // Nothing moves a control back while it is moved; then it is told where it is.
    rig.send("/lumawire/slow/add", vec![OscType::Float(2.0)]);
    rig.until_base("slow", "add", 2.0);
    let shown = rig.until("the board", |rig| {
        rig.board.reading("slow", "add").and_then(|r| r.base).filter(|v| *v == 2.0)
    });
    assert_eq!(shown, 2.0);
    let told = |addr: &str| loop {
        let message = heard(&controller);
        if message.addr == addr {
            return message.args;
        }
    };
    assert_eq!(told("/lumawire/slow/add"), [OscType::Float(2.0)]);
    assert_eq!(told("/fader"), [OscType::Float(0.25)]);
    // A message without a value is a question.
    rig.send("/lumawire/slow/add", vec![]);
    let answer = heard(&rig.socket);
    assert_eq!(
        answer,
        OscMessage { addr: "/lumawire/slow/add".into(), args: vec![2.0_f32.into()] }
    );
}

#[test]
fn what_nodes_send_arrives() {
    let rig = rig(&[]);
    let here = rig.socket.local_addr().expect("address");
    let port = rig.outbox.port("localhost", here.port(), "/chroma").expect("this machine");
    rig.outbox.send(&port, Numbers::Real(&[0.5, -1.0]));
    rig.outbox.send(&port, Numbers::Whole(3));
    let args = vec![OscType::Float(0.5), OscType::Float(-1.0)];
    assert_eq!(heard(&rig.socket), OscMessage { addr: "/chroma".into(), args });
    assert_eq!(heard(&rig.socket).args, [OscType::Int(3)]);
}

#[test]
fn osc_query_answers_as_the_proposal_says() {
    let mut rig = rig(&[]);
    rig.send("/lumawire/slow/add", vec![OscType::Float(2.5)]);
    rig.until("the board", |rig| {
        rig.board.reading("slow", "add").and_then(|r| r.base).filter(|v| *v == 2.5)
    });
    let (status, all) = rig.get("/");
    assert_eq!((status, &all["FULL_PATH"], &all["ACCESS"]), (200, &"/".into(), &0.into()));
    assert_sound(&all);
    let add = &all["CONTENTS"]["lumawire"]["CONTENTS"]["slow"]["CONTENTS"]["add"];
    assert_eq!(add["FULL_PATH"], "/lumawire/slow/add");
    assert_eq!((&add["TYPE"], &add["ACCESS"]), (&"f".into(), &3.into()));
    assert_eq!(add["VALUE"], serde_json::json!([2.5]));
    assert_eq!(rig.get("/lumawire/slow/add").1, *add, "the same by its own path");
    let fader = &all["CONTENTS"]["fader"];
    assert_eq!(fader["VALUE"], serde_json::json!([0.3125]), "2.5 of 0..8");
    assert_eq!(fader["RANGE"], serde_json::json!([{ "MIN": 0.0, "MAX": 1.0 }]));
    let calm = rig.get("/lumawire/preset/calm_sea").1;
    assert_eq!((&calm["TYPE"], &calm["ACCESS"]), (&"I".into(), &2.into()));

    assert_eq!(rig.get("/fader?VALUE"), (200, serde_json::json!({ "VALUE": [0.3125] })));
    assert_eq!(rig.get("/lumawire?TYPE"), (200, serde_json::json!({})));
    assert_eq!(rig.get("/lumawire/preset/calm_sea?VALUE").0, 204);
    assert_eq!(rig.get("/fader?HTML").0, 204);
    assert_eq!(rig.get("/fader?NONSENSE").0, 400);
    assert_eq!(rig.get("/nothing?TYPE").0, 404);
    assert_eq!(rig.get("/fade").0, 404);
    let (_, info) = rig.get("/anywhere?HOST_INFO");
    assert_eq!(info["NAME"], "Test");
    assert_eq!((&info["OSC_IP"], &info["OSC_PORT"]), (&"127.0.0.1".into(), &rig.at.port().into()));
    assert_eq!(
        (&info["OSC_TRANSPORT"], &info["WS_PORT"]),
        (&"UDP".into(), &rig.query.port().into())
    );
    assert_eq!(info["EXTENSIONS"]["LISTEN"], true);

    for nonsense in ["POST / HTTP/1.1\r\n\r\n", "GET\r\n\r\n", "\0\u{1}\u{2}\r\n\r\n"] {
        assert!(rig.http(nonsense).starts_with("HTTP/1.1 400"), "{nonsense}");
    }
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(9_000));
    assert!(rig.http(&long).starts_with("HTTP/1.1 431"));
    assert_eq!(rig.get("/fader").0, 200, "it goes on");
}

/// What the proposal asks of every node.
fn assert_sound(node: &Json) {
    let path = node["FULL_PATH"].as_str().expect("every node has its path");
    assert!((0..=3).contains(&node["ACCESS"].as_i64().expect("access")), "{path}");
    if let Some(tags) = node.get("TYPE").map(|t| t.as_str().expect("type")) {
        assert_eq!(tags.len(), 1, "{path}");
        for list in ["VALUE", "RANGE", "UNIT", "CLIPMODE"] {
            let len = node.get(list).map_or(1, |list| list.as_array().expect("a list").len());
            assert_eq!(len, 1, "{path}: one {list} a type");
        }
        if let Some(value) = node.get("VALUE").map(|list| &list[0]) {
            assert!(node["ACCESS"].as_i64().expect("access") & 1 == 1, "{path} can be read");
            let fits = match tags {
                "f" | "i" | "h" => value.is_number(),
                "T" => value.is_boolean(),
                _ => value.is_string(),
            };
            assert!(fits, "{path}: {value} is no {tags}");
        }
    }
    for (name, child) in node["CONTENTS"].as_object().into_iter().flatten() {
        let expected = format!("{}/{name}", path.trim_end_matches('/'));
        assert_eq!(child["FULL_PATH"], expected.as_str());
        assert_sound(child);
    }
}

#[test]
fn a_web_socket_streams_values_takes_osc_and_tells_of_changes() {
    let mut rig = rig(&[]);
    rig.frame();
    let stream = TcpStream::connect(rig.query).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    let url = format!("ws://{}/", rig.query);
    let (mut socket, _) = tungstenite::client(url, stream).expect("a web socket");
    let mut next = |rig: &mut Rig, text: Option<&str>, binary: Option<OscPacket>| {
        if let Some(text) = text {
            socket.send(tungstenite::Message::text(text)).expect("sends");
        }
        if let Some(packet) = binary {
            let bytes = encoder::encode(&packet).expect("encodes");
            socket.send(tungstenite::Message::binary(bytes)).expect("sends");
        }
        // Frames, so that the board follows.
        for _ in 0..20 {
            rig.frame();
            std::thread::sleep(Duration::from_millis(2));
        }
        socket.read().expect("a message")
    };
    let osc = |message: tungstenite::Message| match message {
        tungstenite::Message::Binary(bytes) => decoder::decode_udp(&bytes).expect("OSC").1,
        other => panic!("{other:?}"),
    };
    let listen = r#"{ "COMMAND": "LISTEN", "DATA": "/lumawire/slow/add" }"#;
    let first = osc(next(&mut rig, Some(listen), None));
    assert_eq!(first, message("/lumawire/slow/add", vec![OscType::Float(0.0)]));
    let set = message("/lumawire/slow/add", vec![OscType::Float(1.5)]);
    assert_eq!(osc(next(&mut rig, None, Some(set.clone()))), set, "it comes back as it is now");
    assert_eq!(rig.base("slow", "add"), 1.5);

    // The plan loses a node.
    let nodes = r#""paint": { "kind": "stub.paint@1" }, "sink": { "kind": "stub.sink@1" }"#;
    let smaller = plan(nodes, &["paint.image -> sink.image"]);
    let prepared = prepare(smaller, &RunCx::default(), Some(rig.show.engine.running()));
    assert!(rig.show.engine.swap(prepared).is_ok());
    let mut told = vec![next(&mut rig, None, None)];
    while !told.last().is_some_and(|m| m.to_string().contains("PATH_CHANGED")) {
        told.push(next(&mut rig, None, None));
    }
    let told: Vec<Json> =
        told.iter().map(|m| serde_json::from_str(&m.to_string()).expect("JSON")).collect();
    let removed = serde_json::json!({ "COMMAND": "PATH_REMOVED", "DATA": "/lumawire/slow/add" });
    assert!(told.contains(&removed), "{told:?}");
    assert_eq!(rig.get("/lumawire/slow").0, 404);
    rig.send("/lumawire/slow/add", vec![OscType::Float(1.0)]);
    rig.until_counts(|counts| counts.num_unknown == 1);
}

#[test]
fn clients_that_say_nothing_do_not_keep_others_out_for_long() {
    let rig = rig(&[]);
    let idle: Vec<TcpStream> =
        (0..40).map(|_| TcpStream::connect(rig.query).expect("connects")).collect();
    let started = Instant::now();
    // Until they are given up, whoever is one too many is turned away.
    let answered = loop {
        assert!(started.elapsed() < PATIENCE, "it never answers again");
        let mut stream = TcpStream::connect(rig.query).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let mut text = String::new();
        let asked = stream.write_all(b"GET /fader HTTP/1.1\r\nHost: show\r\n\r\n");
        if asked.and_then(|()| stream.read_to_string(&mut text)).is_ok() && !text.is_empty() {
            break text;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    drop(idle);
}

#[test]
fn a_page_from_elsewhere_gets_no_web_socket() {
    let rig = rig(&[]);
    let request = "GET / HTTP/1.1\r\nHost: show\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Origin: https://evil.example\r\n\r\n";
    assert!(rig.http(request).starts_with("HTTP/1.1 403"));
}

#[test]
fn it_is_announced_where_it_can_be_reached() {
    let name = format!("Test {}", std::process::id());
    let daemon = mdns_sd::ServiceDaemon::new().expect("mDNS");
    let found = daemon.browse("_oscjson._tcp.local.").expect("browses");
    let rig = rig_with(Settings { name: name.clone(), is_announced: true, ..Settings::default() });
    let started = Instant::now();
    loop {
        let left = PATIENCE.checked_sub(started.elapsed()).expect("it is never found");
        let Ok(event) = found.recv_timeout(left) else { continue };
        let mdns_sd::ServiceEvent::ServiceResolved(service) = event else { continue };
        if service.get_fullname().starts_with(&name) {
            assert_eq!(service.port, rig.query.port());
            assert!(service.addresses.iter().all(|a| a.to_ip_addr().is_loopback()));
            break;
        }
    }
    let _ = daemon.shutdown();
}
