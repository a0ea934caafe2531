//! The editor and its shows, from patch to patch.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use egui_kittest::Harness;
use lumawire_core::{
    Edit, Encoding, FileKind, FileRef, Graph, GraphNode, HostImage, Image, Io, Node, NodeError,
    NodeSpec, Param, ParamValue, Pixels, Port, PortType, PrepareCx, Rate, Registry, Role, Services,
    patch,
};
use lumawire_runtime::control::Event;

use super::*;
use crate::kit::Kit;

/// More than any of these tests needs: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A picture that is as red as `level` times the file's first byte; it can be told to wait while it is
/// prepared.
static LAMP: NodeSpec = NodeSpec {
    kind: "stub.lamp",
    version: 1,
    label: "Lamp",
    doc: "A stub.",
    rate: Rate::Frame,
    role: Role::Sink,
    inputs: &[],
    outputs: &[Port::output("image", PortType::Image, "")],
    params: &[
        Param::float("level", "Level", 1.0, (0.0, 1.0)),
        Param::switch("blackout", "Blackout", false),
        Param::switch("freeze", "Freeze", false),
        Param::file("file", "File", FileKind::Image).rebuild(),
        Param::switch("waits", "Waits", false).rebuild(),
    ],
    build: || Box::<Lamp>::default(),
};

/// What the lamps of a program share.
#[derive(Default)]
struct Room {
    /// Lamps that wait are prepared once it is open.
    is_open: AtomicBool,
    num_prepared: AtomicU64,
    /// Name and red of each picture.
    pictures: Mutex<Vec<(String, u8)>>,
}

#[derive(Default)]
struct Lamp {
    room: Arc<Room>,
    name: String,
    byte: u8,
}

impl Node for Lamp {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.room = cx.services.get_or_try_init(|| Ok::<_, NodeError>(Room::default()))?;
        self.name = cx.node.to_owned();
        while cx.params.switch(4) && !self.room.is_open.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        self.byte = match cx.file(3) {
            None => u8::MAX,
            Some(path) => std::fs::read(&path).map_err(|error| NodeError::file(&path, error))?[0],
        };
        self.room.num_prepared.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let level = if io.params.switch(1) { 0.0 } else { io.params.float(0) };
        let red = (f32::from(self.byte) * level).round() as u8;
        self.room.pictures.lock().unwrap().push((self.name.clone(), red));
        let pixels = Pixels::Rgba8([red, 0, 0, 255].repeat(4));
        let image = HostImage { width_px: 2, height_px: 2, pixels };
        io.outputs.set_image(0, Image::from_host(image, Encoding::Srgb));
        Ok(())
    }
}

struct Rig {
    harness: Harness<'static, Editor>,
    room: Arc<Room>,
}

fn registry() -> Registry {
    Registry::new([&LAMP])
}

fn kit() -> (Kit, Arc<Room>) {
    let services = Services::default();
    let room = services.get_or_try_init(|| Ok::<_, NodeError>(Room::default())).unwrap();
    let font = include_bytes!("../../../nodes/src/source/font/Inter.ttf");
    let kit = Kit { services, font, ..crate::testing::kit(registry()) };
    (kit, room)
}

fn rig(document: Document) -> Rig {
    rig_of(kit(), document)
}

fn rig_of((kit, room): (Kit, Arc<Room>), document: Document) -> Rig {
    let editor = Editor::silent(kit, document, Sound::Silence);
    let harness = Harness::builder()
        .with_size([1200.0, 800.0])
        .build_ui_state(|ui, editor: &mut Editor| editor.ui(ui), editor);
    Rig { harness, room }
}

fn lamp(params: &[(&str, ParamValue)]) -> GraphNode {
    let params = params.iter().map(|(id, v)| ((*id).to_owned(), v.clone())).collect();
    GraphNode { kind: "stub.lamp".into(), version: 1, params, ..GraphNode::default() }
}

fn graph(id: &str, params: &[(&str, ParamValue)]) -> Graph {
    let mut graph = Graph::new();
    let edit = Edit::AddNode { id: id.into(), node: lamp(params), at: None };
    graph.apply(edit, &registry()).unwrap();
    graph
}

fn document(id: &str, params: &[(&str, ParamValue)]) -> Document {
    Document::untitled(graph(id, params), PathBuf::new(), registry(), |_, _, _| ())
}

fn file(path: &str) -> ParamValue {
    ParamValue::File(FileRef { path: path.into(), sha256: None })
}

impl Rig {
    fn editor(&self) -> &Editor {
        self.harness.state()
    }

    /// Draws frames until there is what is looked for.
    fn await_some<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            self.harness.step();
            if let Some(found) = look(self) {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "there is no {what}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn command(&mut self, command: Command) {
        self.harness.state_mut().command(command);
        self.harness.step();
    }

    fn set(&mut self, node: &str, param: &str, value: ParamValue) {
        let (node, param) = (node.to_owned(), param.to_owned());
        let edit = Edit::SetParam { node, param, value: Some(value) };
        self.command(Command::edit(edit, "set"));
    }

    /// Waits for a picture of a lamp that is so red.
    fn await_red(&mut self, name: &str, red: u8) {
        self.room.pictures.lock().unwrap().clear();
        self.await_some("picture", |rig| {
            let pictures = rig.room.pictures.lock().unwrap();
            pictures.iter().any(|picture| picture.0 == name && picture.1 == red).then_some(())
        });
    }

    fn base(&self, node: &str, param: &str) -> Option<f64> {
        self.editor().session()?.board()?.reading(node, param)?.base
    }

    /// Turns the blackout over of the show that is seen, once it is known how it is.
    fn turn_over(&mut self, name: &str, is_black: bool) {
        let is_now = |rig: &Self, is_black: bool| {
            let editor = rig.editor();
            let leaving = editor.leaving.as_ref().map(|leaving| &leaving.session);
            let board = leaving.or(editor.session()).and_then(Session::board)?;
            let base = board.reading(name, "blackout")?.base;
            (base == Some(f64::from(u8::from(is_black)))).then_some(())
        };
        self.await_some(&format!("{name}, not black: {is_black}"), |rig| is_now(rig, !is_black));
        self.command(Command::Do(Action::Blackout));
        self.await_some(&format!("{name}, black: {is_black}"), |rig| is_now(rig, is_black));
        self.await_red(name, if is_black { 0 } else { 255 });
    }

    /// By what a show is known.
    fn show(&self) -> usize {
        let board = self.editor().session().and_then(Session::board);
        board.map_or(0, |board| Arc::as_ptr(board) as usize)
    }
}

#[test]
fn the_show_goes_on_until_the_next_has_a_picture_and_black_stays_black() {
    let mut rig = rig(document("a", &[]));
    rig.await_red("a", 255);
    rig.turn_over("a", true);
    rig.harness.state_mut().replace(document("b", &[("waits", true.into())]));
    let before = rig.room.pictures.lock().unwrap().len();
    rig.await_some("more of the show before", |rig| {
        (rig.room.pictures.lock().unwrap().len() > before + 10).then_some(())
    });
    assert!(rig.editor().leaving.is_some());
    // It is steered still, and the one that comes follows.
    rig.turn_over("a", false);
    rig.turn_over("a", true);
    rig.room.is_open.store(true, Ordering::SeqCst);
    rig.await_some("handover", |rig| rig.editor().leaving.is_none().then_some(()));
    rig.await_red("b", 0);
    let pictures = rig.room.pictures.lock().unwrap().clone();
    assert!(pictures.iter().all(|(_, red)| *red == 0), "{pictures:?}");
    rig.turn_over("b", false);
    // What the patch itself says is not handed on.
    rig.set("b", "level", 0.2.into());
    rig.await_red("b", 51);
    rig.await_some("level", |rig| rig.base("b", "level").filter(|v| (v - 0.2).abs() < 1e-6));
    rig.harness.state_mut().replace(document("c", &[]));
    rig.await_red("c", 255);
}

#[test]
fn of_patches_that_are_clicked_through_the_first_shows_until_the_last_does() {
    let mut rig = rig(document("a", &[]));
    rig.await_red("a", 255);
    for name in ["b", "c"] {
        rig.harness.state_mut().replace(document(name, &[("waits", true.into())]));
        rig.await_red("a", 255);
    }
    // One of which nothing can be run leaves it too.
    rig.harness.state_mut().replace(Document::new(registry(), |_, _, _| ()));
    assert!(rig.editor().session().is_none());
    rig.await_red("a", 255);
    rig.room.is_open.store(true, Ordering::SeqCst);
    rig.harness.state_mut().replace(document("d", &[]));
    rig.await_red("d", 255);
    rig.await_some("handover", |rig| rig.editor().leaving.is_none().then_some(()));
    let pictures = rig.room.pictures.lock().unwrap();
    assert!(pictures.iter().all(|(name, _)| name != "b" && name != "c"), "{pictures:?}");
}

#[test]
fn a_file_that_is_reloaded_is_followed_by_the_same_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lumawire");
    let write = |level: f64| {
        patch::save(&path, &graph("a", &[("level", level.into())]), &registry()).unwrap();
    };
    write(0.2);
    let mut rig = rig(Document::open(&path, registry(), |_, _, _| ()).unwrap());
    rig.await_red("a", 51);
    rig.set("a", "level", 0.4.into());
    rig.await_red("a", 102);
    let show = rig.show();
    write(0.6);
    let fresh = Document::open(&path, registry(), |_, _, _| ()).unwrap();
    rig.harness.state_mut().replace(fresh);
    rig.await_red("a", 153);
    assert_eq!(rig.show(), show);
}

#[test]
fn a_patch_that_is_saved_elsewhere_goes_on_and_finds_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| folder.path().join(name));
    for (folder, name, byte) in [(&old, "a.bin", 100), (&new, "b.bin", 200)] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join(name), [byte]).unwrap();
    }
    let graph = graph("a", &[("file", file("a.bin"))]);
    let mut rig = rig(Document::untitled(graph, old, registry(), |_, _, _| ()));
    rig.await_red("a", 100);
    let show = rig.show();
    rig.command(Command::SaveTo(new.join("p.lumawire")));
    assert_eq!(rig.editor().document().base_dir(), new);
    let named =
        |rig: &Rig| rig.editor().document().graph().node("a").unwrap().params["file"].clone();
    assert_eq!(named(&rig), file("../old/a.bin"));
    let running = |rig: &Rig| {
        let plan = rig.editor().session()?.board()?.plan()?;
        plan.steps[0].params.contains(&file("../old/a.bin")).then_some(())
    };
    rig.await_some("plan from the other folder", running);
    rig.await_red("a", 100);
    // The file is the same one: nothing was prepared for it.
    assert_eq!(rig.room.num_prepared.load(Ordering::SeqCst), 1);
    rig.set("a", "file", file("b.bin"));
    rig.await_red("a", 200);
    assert_eq!(rig.show(), show);
}

#[test]
fn what_is_set_while_its_node_is_prepared_counts() {
    let mut rig = rig(document("a", &[]));
    rig.await_red("a", 255);
    let node = lamp(&[("waits", true.into())]);
    rig.command(Command::edit(Edit::AddNode { id: "b".into(), node, at: None }, "add"));
    for level in [0.1, 0.4, 0.6] {
        rig.set("b", "level", level.into());
        rig.await_red("a", 255);
    }
    assert_eq!(rig.base("b", "level"), None);
    rig.room.is_open.store(true, Ordering::SeqCst);
    rig.await_some("value", |rig| rig.base("b", "level").filter(|v| (v - 0.6).abs() < 1e-6));
    assert!(rig.editor().late.is_empty());
}

#[test]
fn a_preset_that_was_stored_can_be_taken_back() {
    let mut rig = rig(document("a", &[("level", 0.2.into())]));
    rig.await_red("a", 51);
    rig.set("a", "level", 0.4.into());
    rig.await_red("a", 102);
    rig.command(Command::Send(Event::Store { preset: "dim".into() }));
    let has = |rig: &Rig| rig.editor().document().graph().presets().contains_key("dim");
    rig.await_some("preset", |rig| has(rig).then_some(()));
    rig.command(Command::Do(Action::Undo));
    assert!(!has(&rig));
    rig.command(Command::Do(Action::Redo));
    assert!(has(&rig));
    rig.command(Command::Do(Action::Undo));
    rig.command(Command::Do(Action::Undo));
    rig.await_red("a", 51);
}

#[test]
fn a_file_that_is_changed_on_the_disk_is_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    std::fs::write(&path, [100]).unwrap();
    let graph = graph("a", &[("file", file("a.bin"))]);
    let mut rig = rig(Document::untitled(graph, folder.path().into(), registry(), |_, _, _| ()));
    rig.await_red("a", 100);
    // Until it is known as it is.
    thread::sleep(Duration::from_millis(500));
    std::fs::write(&path, [200, 0]).unwrap();
    rig.await_red("a", 200);
    assert!(!rig.editor().document().is_dirty());
}

#[test]
fn a_show_that_breaks_down_is_begun_anew() {
    let (mut kit, room) = kit();
    let has_failed = AtomicBool::new(false);
    // Made on the engine's thread.
    kit.thumbnails = Arc::new(move |_| {
        assert!(has_failed.swap(true, Ordering::SeqCst), "the first breaks down");
        Box::new(())
    });
    let mut rig = rig_of((kit, room), document("a", &[]));
    rig.await_red("a", 255);
    assert!(rig.editor().revived.is_some() && !rig.editor().is_down);
}

#[test]
fn a_value_makes_a_plan_only_where_it_changes_what_is_wrong() {
    let graph =
        crate::testing::graph(&["b: post.blur", "o: output.image"], &["b.image -> o.image"]);
    let registry = crate::testing::registry();
    let mut document = Document::untitled(graph, PathBuf::new(), registry, |_, _, _| ());
    assert!(!document.faults().is_empty());
    let _ = document.take_plan();
    let set = |radius: f64| Edit::SetParam {
        node: "b".into(),
        param: "radius_px".into(),
        value: Some(radius.into()),
    };
    for radius in [1.0, 2.0, 3.0] {
        document.apply(set(radius), "drag", Some(1)).unwrap();
        assert!(document.take_plan().is_none());
    }
}
