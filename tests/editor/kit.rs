//! The whole editor in a window that nobody sees, with the real nodes and a hand for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, OutputCommand, PointerButton, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use lumawire_core::control::Score;
use lumawire_core::{Graph, HostImage, Image, Services, patch};
use lumawire_editor::session::Sound;
use lumawire_editor::{Command, Document, Editor, Kit, Overview};
use lumawire_nodes::gpu::GpuThumbnails;
use lumawire_runtime::probe::{Seen, THUMBNAIL_PX, Thumbnails};

/// The longest that something is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(10);

/// The window.
pub type Window = Harness<'static, Editor>;

struct OfDevice(GpuThumbnails);

impl Thumbnails for OfDevice {
    fn ask(&mut self, key: usize, image: &Image) {
        self.0.ask(key, image);
    }

    fn take(&mut self) -> Option<(usize, Arc<HostImage>)> {
        self.0.take()
    }
}

/// What the program lends the editor, with no folders of its own.
pub fn kit() -> Kit {
    Kit {
        registry: lumawire_nodes::registry(),
        interfaces: |graph, base_dir, registry| {
            let _ = lumawire_nodes::interfaces(graph, base_dir, registry);
        },
        score: |graph, _| Score::of(graph).0,
        thumbnails: Arc::new(|services| {
            Box::new(OfDevice(GpuThumbnails::new(services, THUMBNAIL_PX)))
        }),
        overview: |_, _| Ok(Overview::default()),
        services: Services::default(),
        font: lumawire_nodes::FONT,
        examples: None,
        settings: None,
        program_args: Vec::new(),
        program: None,
        learning: None,
    }
}

/// A patch without a file: nodes as JSON members, wires as lines.
pub fn graph(nodes: &str, wires: &[&str], layout: &str) -> Graph {
    let wires: Vec<String> = wires.iter().map(|wire| format!("\"{wire}\"")).collect();
    let text = format!(
        r#"{{ "format": "lumawire-patch", "version": 1,
        "clock": {{ "sample_rate_hz": 48000, "fps": [30, 1] }},
        "nodes": {{ {nodes} }}, "wires": [{}], "layout": {{ {layout} }} }}"#,
        wires.join(", ")
    );
    patch::parse(&text).expect("a patch").graph
}

/// The sound's wave as a line, through a grade: a picture without a network.
pub fn scope() -> Graph {
    graph(
        r#""audio": { "kind": "source.audio@1" },
        "scope": { "kind": "draw.scope@1", "params": { "width_px": 64, "height_px": 36, "line_percent": 20 } },
        "grade": { "kind": "post.colour@1", "params": { "invert": 1 } },
        "video": { "kind": "output.video@1" }"#,
        &["audio.audio -> scope.audio", "scope.image -> grade.image", "grade.image -> video.image"],
        r#""audio": [0, 0], "scope": [240, 0], "grade": [480, 0], "video": [720, 0]"#,
    )
}

/// An editor of a patch, in silence.
pub fn open(graph: Graph) -> Window {
    let kit = kit();
    let document = Document::untitled(graph, PathBuf::new(), kit.registry.clone(), kit.interfaces);
    window(Editor::silent(kit, document, Sound::Silence))
}

/// The window of an editor.
pub fn window(editor: Editor) -> Window {
    let mut window = Harness::builder()
        .with_size(vec2(1400.0, 900.0))
        .with_step_dt(1.0 / 60.0)
        .build_ui_state(|ui, editor: &mut Editor| editor.ui(ui), editor);
    steps(&mut window);
    window
}

/// Draws until what was asked is done and shown.
pub fn steps(window: &mut Window) {
    for _ in 0..4 {
        window.step();
    }
}

/// Draws until something is so. Threads of the show and of files take their time.
pub fn until(window: &mut Window, what: &str, is_so: impl Fn(&Window) -> bool) {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        window.step();
        if is_so(window) {
            return steps(window);
        }
        std::thread::sleep(STEP);
    }
    panic!("never came about: {what}");
}

/// Whether something has this label.
pub fn shows(window: &Window, label: &str) -> bool {
    window.query_all_by_label(label).next().is_some()
}

/// The middle of what has this label.
pub fn at(window: &Window, label: &str) -> Pos2 {
    window.get_by_label(label).rect().center()
}

/// Presses a key.
pub fn key(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    steps(window);
}

/// Types a text where the focus is.
pub fn type_text(window: &mut Window, text: &str) {
    window.event(Event::Text(text.into()));
    steps(window);
}

/// Clicks on what has this label.
pub fn click(window: &mut Window, label: &str) {
    let place = at(window, label);
    click_at(window, place, 1);
}

/// Clicks so many times.
pub fn click_at(window: &mut Window, pos: Pos2, times: usize) {
    // Long enough after the last click that it is another one.
    window.run_steps(40);
    window.hover_at(pos);
    window.step();
    for pressed in [true, false].repeat(times) {
        window.event(button(pos, pressed));
        window.step();
    }
    steps(window);
}

/// Selects a node by its title.
pub fn select(window: &mut Window, label: &str) {
    let title = window.get_by_label(label).rect().left_top() + vec2(40.0, 6.0);
    click_at(window, title, 1);
}

/// Drags from a place to another.
pub fn drag(window: &mut Window, from: Pos2, to: Pos2) {
    window.run_steps(40);
    window.hover_at(from);
    window.step();
    window.event(button(from, true));
    window.step();
    for i in 1..=6 {
        window.hover_at(from + (to - from) * (i as f32 / 6.0));
        window.step();
    }
    window.event(button(to, false));
    steps(window);
}

/// Drags a wire from a port to another.
pub fn wire(window: &mut Window, from: &str, to: &str) {
    let (from, to) = (at(window, from), at(window, to));
    drag(window, from, to);
}

fn button(pos: Pos2, pressed: bool) -> Event {
    let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
    Event::PointerButton { pos, button, pressed, modifiers }
}

/// Selects as a list of nodes would.
pub fn choose(window: &mut Window, ids: &[&str]) {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    window.state_mut().command(Command::Select(ids));
    steps(window);
}

/// Copies by the system's clipboard; gives the text.
pub fn copied(window: &mut Window) -> String {
    window.event(Event::Copy);
    for _ in 0..4 {
        window.step();
        let commands = &window.output().platform_output.commands;
        let text = commands.iter().find_map(|command| match command {
            OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        });
        if let Some(text) = text {
            return text;
        }
    }
    panic!("nothing was copied");
}

/// The open graph.
pub fn graph_of(window: &Window) -> &Graph {
    window.state().document().graph()
}

/// Ids of all nodes.
pub fn ids(window: &Window) -> Vec<&str> {
    graph_of(window).nodes().map(|(id, _)| id).collect()
}

/// All wires.
pub fn wires(window: &Window) -> Vec<String> {
    graph_of(window).wires().map(ToString::to_string).collect()
}

/// What undo would take back.
pub fn undo_label(window: &Window) -> Option<&str> {
    window.state().document().history().undo_label()
}

/// What undo took back.
pub fn redo_label(window: &Window) -> Option<&str> {
    window.state().document().history().redo_label()
}

/// What a parameter of the running show is bound to.
pub fn base(window: &Window, node: &str, param: &str) -> Option<f64> {
    window.state().session()?.board()?.reading(node, param)?.base
}

/// The samples that the running show has heard.
pub fn sample(window: &Window) -> u64 {
    window.state().session().and_then(|s| s.board()).map_or(0, |board| board.sample())
}

/// Mean of the red values of the picture that a node gives, 0..255, once there is one.
pub fn brightness(window: &Window, node: &str, output: &str) -> Option<f64> {
    let seen = window.state().readings().outputs.get(&(node.to_owned(), output.to_owned()))?;
    let Seen::Picture(picture, _) = seen else { return None };
    let lumawire_core::Pixels::Rgba8(pixels) = &picture.pixels else { return None };
    let reds = pixels.chunks_exact(4).map(|pixel| f64::from(pixel[0]));
    Some(reds.sum::<f64>() / (pixels.len() / 4) as f64)
}

/// The slider of a parameter in the inspector: from a share of its rail to another.
pub fn slide(window: &mut Window, label: &str, points: f32) {
    let from = window.get_by_role_and_label(Role::Slider, label).rect().center();
    drag(window, from, from + vec2(points, 0.0));
}
