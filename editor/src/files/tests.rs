//! The dialogs as a person uses them: pressed and typed, against real folders.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use lumawire_core::{
    Graph, GraphNode, Io, Node, NodeError, NodeSpec, Param, Port, PortType, Rate, Registry, Role,
    patch,
};
use lumawire_runtime::probe::Readings;

use super::*;
use crate::command::Action;
use crate::kit::Kit;

struct Nothing;

impl Node for Nothing {
    fn process(&mut self, _: &mut Io<'_>) -> Result<(), NodeError> {
        Ok(())
    }
}

const fn spec(kind: &'static str, inputs: &'static [Port], params: &'static [Param]) -> NodeSpec {
    NodeSpec {
        kind,
        version: 1,
        label: kind,
        doc: "A node.",
        rate: Rate::Frame,
        role: Role::Pure,
        inputs,
        outputs: &[],
        params,
        build: || Box::new(Nothing),
    }
}

const IMAGE_IN: &[Port] = &[Port::required("image", PortType::Image, "")];
const PICTURE: NodeSpec =
    spec("source.image", &[], &[Param::file("file", "File", FileKind::Image)]);
const MODEL: NodeSpec =
    spec("generate.model", &[], &[Param::file("file", "File", FileKind::Model)]);
const UPSCALE: NodeSpec =
    spec("enlarge.network", IMAGE_IN, &[Param::file("file", "File", FileKind::Model)]);
const BANK: NodeSpec = spec(
    "latent.bank",
    &[],
    &[Param::text("seeds", "Seeds", ""), Param::file("file", "File", FileKind::Latents)],
);
const LUT: NodeSpec = spec("post.lut", IMAGE_IN, &[Param::file("file", "File", FileKind::Lut)]);
const ISF: NodeSpec = spec("post.isf", &[], &[Param::file("file", "File", FileKind::Shader)]);
const WGSL: NodeSpec = spec("post.wgsl", &[], &[Param::file("file", "File", FileKind::Shader)]);
const BEND: NodeSpec =
    spec("bend.move", &[], &[Param::file("clusters", "File", FileKind::Clusters)]);
const SOUND_FILE: NodeSpec =
    spec("source.audio", &[], &[Param::file("file", "File", FileKind::Audio)]);

fn registry() -> Registry {
    Registry::new([&PICTURE, &MODEL, &UPSCALE, &BANK, &LUT, &ISF, &WGSL, &BEND, &SOUND_FILE])
}

fn no_interfaces(_: &Graph, _: &Path, _: &mut Registry) {}

fn kit(examples: Option<PathBuf>, settings: Option<PathBuf>) -> Kit {
    Kit { examples, settings, ..crate::testing::kit(registry()) }
}

/// A window with nothing but the dialogs, and the little of the editor that they need.
struct Bench {
    files: Files,
    document: Document,
    kit: Kit,
    /// All that was asked for.
    commands: Vec<Command>,
    is_dressed: bool,
}

impl Bench {
    fn frame(&mut self, ui: &mut Ui) {
        if !std::mem::replace(&mut self.is_dressed, true) {
            theme::apply(ui.ctx(), self.kit.font);
        }
        let mut commands = Vec::new();
        let (readings, failures) = (Readings::default(), BTreeMap::new());
        let mut cx = Cx {
            kit: &self.kit,
            document: &self.document,
            session: None,
            readings: &readings,
            failures: &failures,
            selection: &BTreeSet::new(),
            commands: &mut commands,
        };
        self.files.show(ui, &mut cx);
        for command in &commands {
            self.execute(command);
        }
        self.commands.extend(commands);
    }

    fn execute(&mut self, command: &Command) {
        match command {
            Command::Do(Action::Save) if self.document.path().is_none() => {
                self.files.ask(Ask::SaveAs);
            }
            // Where it is refused the person is asked.
            Command::Do(Action::Save) => drop(self.document.save(None)),
            Command::SaveTo(path) => self.document.save(Some(path)).unwrap(),
            Command::KeepMine => self.document.keep_mine(),
            Command::Recover(left) if self.files.admit(command, &self.document) => {
                self.document = Document::recover(left, registry(), no_interfaces).unwrap();
            }
            Command::Do(Action::SaveAs) => self.files.ask(Ask::SaveAs),
            _ => {}
        }
    }

    fn change(&mut self) {
        let seed = self.document.graph().seed() + 1;
        self.document.apply(Edit::SetSeed(seed), "Seed", None).unwrap();
    }
}

type Window = Harness<'static, Bench>;

fn window(document: Document, kit: Kit) -> Window {
    let (files, commands) = (Files::default(), Vec::new());
    let bench = Bench { files, document, kit, commands, is_dressed: false };
    let builder = Harness::builder().with_size(vec2(1280.0, 800.0));
    builder.build_ui_state(|ui, bench: &mut Bench| bench.frame(ui), bench)
}

/// Draws until something is so. Threads take their time: it gives up only after minutes.
fn until(window: &mut Window, is_so: impl Fn(&Window) -> bool) {
    for _ in 0..20_000 {
        window.step();
        if is_so(window) {
            window.step();
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("never came about");
}

fn shows(window: &Window, label: &str) -> bool {
    window.query_by_label(label).is_some()
}

fn press(window: &mut Window, key: Key) {
    window.key_press(key);
    window.step();
    window.step();
}

fn type_text(window: &mut Window, text: &str) {
    window.event(egui::Event::Text(text.into()));
    window.step();
    window.step();
}

fn click(window: &mut Window, label: &str) {
    window.get_by_label(label).click();
    window.step();
    window.step();
    window.step();
}

/// A folder with a patch `show.lumawire`, which is open.
fn show_in(folder: &Path) -> Document {
    let mut graph = Graph::new();
    let node = GraphNode::new(&PICTURE).with("file", ParamValue::file("pictures/a.png"));
    let edit = Edit::AddNode { id: "picture".into(), node, at: None };
    graph.apply(edit, &registry()).unwrap();
    let path = folder.join("show.lumawire");
    patch::save(&path, &graph, &registry()).unwrap();
    Document::open(&path, registry(), no_interfaces).unwrap()
}

fn write(path: PathBuf) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "x").unwrap();
}

fn temp() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(dir.path()).unwrap();
    (dir, path)
}

#[test]
fn a_patch_is_found_with_the_keyboard() {
    let (_dir, root) = temp();
    write(root.join("sets/first.lumawire"));
    write(root.join("sets/second.lumawire"));
    write(root.join("sets/noise.wav"));
    let mut window = window(show_in(&root), kit(None, None));
    window.state_mut().files.ask(Ask::Open);
    until(&mut window, |w| shows(w, "sets"));
    type_text(&mut window, "se");
    press(&mut window, Key::Enter);
    until(&mut window, |w| shows(w, "second.lumawire"));
    assert!(!shows(&window, "noise.wav"));
    press(&mut window, Key::Backspace);
    until(&mut window, |w| shows(w, "show.lumawire"));
    type_text(&mut window, "sets/");
    until(&mut window, |w| shows(w, "second.lumawire"));
    press(&mut window, Key::ArrowDown);
    press(&mut window, Key::ArrowDown);
    press(&mut window, Key::Enter);
    let opened = window.state().commands.iter().find_map(|command| match command {
        Command::Open(path) => Some(path.clone()),
        _ => None,
    });
    assert_eq!(opened, Some(root.join("sets/second.lumawire")));
    assert!(!window.state().files.is_open());
}

#[test]
fn tab_completes_and_escape_leaves() {
    let (_dir, root) = temp();
    write(root.join("a_long_name.lumawire"));
    let mut window = window(show_in(&root), kit(None, None));
    window.state_mut().files.ask(Ask::Open);
    until(&mut window, |w| shows(w, "show.lumawire"));
    type_text(&mut window, "a_l");
    assert!(!shows(&window, "show.lumawire"));
    press(&mut window, Key::Tab);
    let line = window.get_by_role_and_label(egui::Role::TextInput, "Path").value();
    assert_eq!(line.as_deref(), Some("a_long_name.lumawire"));
    press(&mut window, Key::Escape);
    assert!(!window.state().files.is_open() && window.state().commands.is_empty());
}

#[test]
fn a_file_is_replaced_only_when_told() {
    let (_dir, root) = temp();
    let document = show_in(&root);
    write(root.join("other.lumawire"));
    let mut window = window(document, kit(None, None));
    window.state_mut().files.ask(Ask::SaveAs);
    until(&mut window, |w| shows(w, "other.lumawire"));
    click(&mut window, "other.lumawire");
    press(&mut window, Key::Enter);
    until(&mut window, |w| shows(w, "Keep the old one"));
    click(&mut window, "Keep the old one");
    assert!(window.state().files.is_open() && window.state().commands.is_empty());
    click(&mut window, "Save");
    until(&mut window, |w| shows(w, "Replace"));
    click(&mut window, "Replace");
    assert_eq!(window.state().document.path(), Some(&*root.join("other.lumawire")));
    assert!(patch::load(root.join("other.lumawire")).is_ok());
}

#[test]
fn a_patch_is_saved_in_a_new_folder_and_still_finds_its_files() {
    let (_dir, root) = temp();
    let mut window = window(show_in(&root), kit(None, None));
    window.state_mut().files.ask(Ask::SaveAs);
    until(&mut window, |w| shows(w, "show.lumawire"));
    click(&mut window, "New folder");
    type_text(&mut window, "later");
    press(&mut window, Key::Enter);
    until(&mut window, |w| root.join("later").is_dir() && shows(w, "File name"));
    // The old name is selected without its extension.
    type_text(&mut window, "mine");
    click(&mut window, "Save");
    until(&mut window, |w| !w.state().files.is_open());
    let saved = root.join("later/mine.lumawire");
    assert_eq!(window.state().document.path(), Some(&*saved));
    let file = patch::load(&saved).unwrap().graph;
    assert_eq!(file.node("picture").unwrap().params["file"].to_string(), "../pictures/a.png");
    let own = window.state().document.graph().node("picture").unwrap();
    assert_eq!(own.params["file"].to_string(), "../pictures/a.png");
    assert!(!window.state().document.is_dirty());
}

#[test]
fn a_parameter_gets_a_path_from_the_patchs_folder() {
    let (_dir, root) = temp();
    fs::create_dir(root.join("set")).unwrap();
    write(root.join("pictures/b.png"));
    write(root.join("pictures/b.wav"));
    let mut window = window(show_in(&root.join("set")), kit(None, None));
    let (node, param) = ("picture".to_owned(), "file".to_owned());
    window.state_mut().files.ask(Ask::Param { node, param, kind: FileKind::Image });
    until(&mut window, |w| shows(w, "Nothing here matches.") || shows(w, "Path"));
    type_text(&mut window, "../pictures/");
    until(&mut window, |w| shows(w, "b.png"));
    assert!(!shows(&window, "b.wav"));
    press(&mut window, Key::ArrowDown);
    press(&mut window, Key::Enter);
    let edits: Vec<_> = window.state().commands.iter().collect();
    let [Command::Edit { edit: Edit::SetParam { value: Some(value), .. }, .. }] = edits[..] else {
        panic!("{edits:?}");
    };
    assert_eq!(value.to_string(), "../pictures/b.png");
}

#[test]
fn what_is_taken_back_is_saved_again() {
    let (_dir, root) = temp();
    let mut document = show_in(&root);
    assert!(!document.is_dirty());
    for seed in [1, 2] {
        document.apply(Edit::SetSeed(seed), "Seed", None).unwrap();
    }
    assert!(document.is_dirty());
    document.undo().unwrap();
    document.undo().unwrap();
    assert!(!document.is_dirty());
    document.redo().unwrap();
    document.save(None).unwrap();
    assert!(!document.is_dirty());
    document.undo().unwrap();
    assert!(document.is_dirty());
    // Another edit in place of the one that was saved.
    document.apply(Edit::SetSeed(1), "Seed", None).unwrap();
    assert!(document.is_dirty());
    document.save(None).unwrap();
    document.keep(Edit::SetSeed(9)).unwrap();
    assert!(document.is_dirty());
}

#[test]
fn quitting_waits_for_the_save() {
    let (_dir, root) = temp();
    let mut window = window(show_in(&root), kit(None, None));
    window.step();
    let quit = Command::Do(Action::Quit);
    let bench = window.state_mut();
    bench.change();
    assert!(!bench.files.admit(&quit, &bench.document));
    window.step();
    window.step();
    click(&mut window, "Save");
    let bench = window.state_mut();
    assert!(!bench.document.is_dirty());
    let asked: Vec<_> = bench.commands.iter().map(|command| format!("{command:?}")).collect();
    assert_eq!(asked, ["Do(Save)", "Do(Quit)"]);
    assert!(bench.files.admit(&quit, &bench.document));
}

#[test]
fn a_patch_without_a_file_is_asked_for_one_before_it_closes() {
    let (_dir, root) = temp();
    let document = Document::untitled(Graph::new(), root.clone(), registry(), no_interfaces);
    let mut window = window(document, kit(None, None));
    let bench = window.state_mut();
    bench.change();
    assert!(!bench.files.admit(&Command::Do(Action::New), &bench.document));
    window.step();
    window.step();
    click(&mut window, "Save");
    until(&mut window, |w| shows(w, "File name"));
    let text = root.join("mine").to_string_lossy().into_owned();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    type_text(&mut window, &text);
    press(&mut window, Key::Enter);
    until(&mut window, |w| !w.state().files.is_open());
    assert!(root.join("mine.lumawire").is_file());
    let last = window.state().commands.last();
    assert!(matches!(last, Some(Command::Do(Action::New))), "{last:?}");
}

#[test]
fn shipped_patches_are_cards_that_open_copies() {
    let (_dir, root) = temp();
    fs::create_dir(root.join("templates")).unwrap();
    for (file, title) in [("a", "Loops of colour"), ("b", "Drums"), ("templates/c", "Empty")] {
        let mut graph = Graph::new();
        let about = lumawire_core::graph::About { title: title.into(), ..Default::default() };
        graph.apply(Edit::SetAbout(about), &registry()).unwrap();
        let path = root.join(file).with_extension("lumawire");
        patch::save(path, &graph, &registry()).unwrap();
    }
    write(root.join("broken.lumawire"));
    let document = Document::new(registry(), no_interfaces);
    let mut window = window(document, kit(Some(root.clone()), None));
    window.state_mut().files.examples();
    until(&mut window, |w| shows(w, "Drums"));
    type_text(&mut window, "colour");
    assert!(!shows(&window, "Drums"));
    click(&mut window, "Loops of colour");
    let last = window.state().commands.last().cloned();
    assert!(matches!(last, Some(Command::OpenCopy(path)) if path == root.join("a.lumawire")));
    window.state_mut().files.templates();
    until(&mut window, |w| shows(w, "Empty"));
    assert!(!shows(&window, "Drums"));
}

#[test]
fn recent_files_say_when_they_are_gone() {
    let (_dir, root) = temp();
    let document = show_in(&root);
    let mut window = window(document, kit(None, Some(root.join("settings"))));
    window.step();
    window.state_mut().files.examples();
    until(&mut window, |w| shows(w, "Recent show"));
    let kept = Recents::load(Some(&root.join("settings")));
    assert_eq!(kept.list()[0].path, root.join("show.lumawire"));
    click(&mut window, "Forget show");
    assert!(!shows(&window, "Recent show"));
    assert!(root.join("show.lumawire").exists());
    assert!(Recents::load(Some(&root.join("settings"))).list().is_empty());
}

#[test]
fn what_a_crash_left_is_opened_under_its_old_name() {
    let (_dir, root) = temp();
    let folder = root.join("settings/recovery");
    recovery::tests::crash(&folder, &[41, 42]);
    let document = Document::new(registry(), no_interfaces);
    let mut window = window(document, kit(None, Some(root.join("settings"))));
    until(&mut window, |w| shows(w, "Recover"));
    click(&mut window, "Recover");
    let document = &window.state().document;
    assert_eq!(document.graph().seed(), 42);
    assert_eq!(document.path(), Some(Path::new("/shows/a.lumawire")));
    assert!(document.is_dirty());
    // It goes only once this session keeps the patch itself.
    until(&mut window, |w| w.state().files.leftovers.is_empty());
    let texts = || {
        let found = fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path());
        found.filter(|path| path.extension().is_some_and(|e| e == "lumawire")).collect::<Vec<_>>()
    };
    assert_eq!(texts().len(), 1);
    assert_eq!(patch::load(&texts()[0]).unwrap().graph.seed(), 42);
    // A session that ends in peace leaves nothing.
    let bench = window.state_mut();
    let quit = Command::Do(Action::Quit);
    assert!(!bench.files.admit(&quit, &bench.document));
    bench.files.guard.answer(guard::Answer::Discard);
    assert!(bench.files.admit(&quit, &bench.document));
    drop(window);
    assert!(texts().is_empty());
}

#[test]
fn changes_are_kept_until_they_are_saved() {
    let (_dir, root) = temp();
    let mut window = window(show_in(&root), kit(None, Some(root.join("settings"))));
    let folder = root.join("settings/recovery");
    let seed = || {
        let found = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut paths = found.map(|entry| entry.path());
        let text = paths.find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".lumawire") && !name.contains("previous")
        })?;
        Some(patch::load(text).ok()?.graph.seed())
    };
    window.state_mut().change();
    until(&mut window, |_| seed() == Some(1));
    window.state_mut().change();
    until(&mut window, |_| seed() == Some(2));
    window.state_mut().document.save(None).unwrap();
    until(&mut window, |_| seed().is_none());
    // The program may end by an error, as where the display is lost.
    window.state_mut().change();
    until(&mut window, |_| seed() == Some(3));
    drop(window);
    assert_eq!(seed(), Some(3));
}

#[test]
fn a_file_that_another_program_changed_is_offered() {
    let (_dir, root) = temp();
    let mut window = window(show_in(&root), kit(None, None));
    window.step();
    window.state_mut().change();
    fs::write(root.join("show.lumawire"), "{ }").unwrap();
    until(&mut window, |w| shows(w, "Keep mine"));
    click(&mut window, "Keep mine");
    assert!(!shows(&window, "Keep mine") && window.state().document.is_dirty());
    window.state_mut().document.save(None).unwrap();
    assert!(!window.state().document.is_dirty());
    window.step();
    fs::write(root.join("show.lumawire"), "{  }").unwrap();
    window.state_mut().change();
    until(&mut window, |w| shows(w, "Reload"));
    click(&mut window, "Reload");
    let bench = window.state_mut();
    let last = bench.commands.last().cloned().unwrap();
    assert!(matches!(&last, Command::Open(path) if *path == root.join("show.lumawire")));
    // The person has seen what is lost.
    assert!(bench.files.admit(&last, &bench.document));
}

#[test]
fn a_save_replaces_what_another_program_wrote_only_when_told() {
    let (_dir, root) = temp();
    let mut window = window(show_in(&root), kit(None, None));
    window.step();
    window.state_mut().change();
    let file = root.join("show.lumawire");
    let theirs = "{ \"theirs\": 1 }";
    fs::write(&file, theirs).unwrap();
    let save = Command::Do(Action::Save);
    for button in ["Cancel", "Save as…", "Replace"] {
        window.state_mut().execute(&save);
        until(&mut window, |w| shows(w, button));
        assert_eq!(fs::read_to_string(&file).unwrap(), theirs);
        click(&mut window, button);
        if button == "Save as…" {
            until(&mut window, |w| shows(w, "File name"));
            click(&mut window, "Cancel");
        }
    }
    assert!(!window.state().document.is_dirty());
    let seed = window.state().document.graph().seed();
    assert_eq!(patch::load(&file).unwrap().graph.seed(), seed);
}

#[test]
fn the_window_stays_until_the_person_ends_the_renders() {
    let (_dir, root) = temp();
    let mut window = window(show_in(&root), kit(None, None));
    let quit = Command::Do(Action::Quit);
    let admit = |window: &mut Window| {
        let bench = window.state_mut();
        bench.files.admit(&quit, &bench.document)
    };
    assert!(admit(&mut window));
    window.state_mut().files.note_renders(true);
    // Another patch can be opened meanwhile.
    let bench = window.state_mut();
    assert!(bench.files.admit(&Command::Do(Action::New), &bench.document));
    assert!(!admit(&mut window));
    until(&mut window, |w| shows(w, "Keep rendering"));
    click(&mut window, "Keep rendering");
    assert!(!admit(&mut window));
    until(&mut window, |w| shows(w, "Close anyway"));
    click(&mut window, "Close anyway");
    assert!(matches!(window.state().commands.last(), Some(Command::Do(Action::Quit))));
    assert!(admit(&mut window));
}

#[test]
fn a_file_for_several_nodes_is_one_edit() {
    let (_dir, root) = temp();
    let document = show_in(&root);
    let nodes = vec!["a".to_owned(), "b".to_owned()];
    let ask = Ask::Shared { nodes, param: "file".into(), kind: FileKind::Image };
    let Command::Edit { edit: Edit::Batch(edits), .. } =
        answer(&ask, root.join("x.png"), &document)
    else {
        panic!("no batch");
    };
    let set = |edit: &Edit| match edit {
        Edit::SetParam { node, value: Some(value), .. } => format!("{node} {value}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(edits.iter().map(set).collect::<Vec<_>>(), ["a x.png", "b x.png"]);
}

#[test]
fn a_dropped_file_goes_where_it_fits() {
    use dropped::{Use, use_of};
    let registry = registry();
    let alone = |name: &str| use_of(Path::new(name), None, &registry);
    let on = |name: &str, spec| use_of(Path::new(name), Some(("n", spec)), &registry);
    let add = |kind| Use::Add { kind, param: "file" };
    let set = |param| Use::Set { node: "n".into(), param };
    assert_eq!(alone("/a/x.lumawire"), Use::Open);
    assert_eq!(on("/a/x.lumawire", &PICTURE), Use::Open);
    assert_eq!(alone("/a/X.PNG"), add("source.image"));
    assert_eq!(alone("/a/x.pkl"), add("generate.model"));
    assert_eq!(alone("/a/x.safetensors"), add("generate.model"));
    assert_eq!(alone("/a/x.npy"), add("latent.bank"));
    assert_eq!(alone("/a/x.cube"), add("post.lut"));
    assert_eq!(alone("/a/x.fs"), add("post.isf"));
    assert_eq!(alone("/a/x.wgsl"), add("post.wgsl"));
    assert_eq!(alone("/a/x.wav"), Use::Hear);
    assert_eq!(alone("/a/x.json"), Use::Nothing);
    assert_eq!(alone("/a/x"), Use::Nothing);
    assert_eq!(on("/a/x.safetensors", &BANK), set("file"));
    assert_eq!(on("/a/x.json", &BEND), set("clusters"));
    assert_eq!(on("/a/x.wav", &SOUND_FILE), set("file"));
    // A node that does not take it is as good as none.
    assert_eq!(on("/a/x.png", &BANK), add("source.image"));
    assert_eq!(on("/a/x.wgsl", &ISF), add("post.wgsl"));
}

#[test]
fn several_dropped_files_are_one_edit() {
    let (_dir, root) = temp();
    let document = show_in(&root);
    let paths = ["a.png", "b.png", "c.zip"].map(|name| root.join(name));
    let place = Place { node: None, at: [10.0, 20.0] };
    let beside = dropped::commands(&paths, None, &document);
    assert!(beside.iter().all(|command| matches!(command, Command::Tell(_))), "{beside:?}");
    let commands = dropped::commands(&paths, Some(&place), &document);
    let [Command::Tell(_), Command::Edit { edit: Edit::Batch(edits), .. }] = &commands[..] else {
        panic!("{commands:?}");
    };
    let made: Vec<_> = edits
        .iter()
        .map(|edit| match edit {
            Edit::AddNode { id, node, at } => (id.as_str(), node.params["file"].to_string(), *at),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        made,
        [
            ("image_1", "a.png".to_owned(), Some([10.0, 20.0])),
            ("image_2", "b.png".to_owned(), Some([50.0, 60.0])),
        ]
    );
    let place = Place { node: Some("picture".into()), at: [0.0, 0.0] };
    let commands = dropped::commands(&paths[..1], Some(&place), &document);
    let [Command::Edit { edit: Edit::SetParam { node, .. }, .. }] = &commands[..] else {
        panic!("{commands:?}");
    };
    assert_eq!(node, "picture");
}
