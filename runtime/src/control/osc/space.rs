//! The address space: what each address does.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use lumawire_core::control::{Binding, BindingMode, Score, target};
use lumawire_core::outbox::is_address;
use lumawire_core::plan::Plan;
use lumawire_core::{Domain, Param, ParamValue, graph};

use super::pattern::Pattern;

/// What all addresses begin with, aliases apart.
pub(super) const ROOT: &str = "/lumawire";
/// Patterns whose addresses are remembered.
const MAX_PATTERNS: usize = 64;
/// Length of a pattern that is looked at.
const MAX_PATTERN_LEN: usize = 256;

/// What each address does in one plan with one score.
#[derive(Debug)]
pub struct Space {
    pub(super) plan: Arc<Plan>,
    pub(super) score: Arc<Score>,
    pub(super) places: Vec<Place>,
    /// In order of address.
    pub(super) methods: Vec<Method>,
    by_address: HashMap<String, usize>,
    patterns: Mutex<HashMap<String, Arc<[usize]>>>,
    /// By place: how it was steered last.
    touches: Mutex<Vec<Option<Touch>>>,
    /// What is wrong with the aliases.
    pub(super) faults: Vec<String>,
}

/// A parameter of a node.
#[derive(Debug)]
pub(super) struct Place {
    pub target: String,
    /// Step and parameter in the plan.
    pub at: (usize, usize),
    pub param: &'static Param,
    /// Name on the node's face.
    pub node_label: &'static str,
    /// What the patch says.
    pub patch_value: ParamValue,
    /// Addresses that tell its value, with the range that is 0..1 there.
    pub told_at: Vec<(String, Option<[f64; 2]>)>,
}

/// An address and what it does.
#[derive(Debug)]
pub(super) struct Method {
    pub address: String,
    pub actions: Vec<Action>,
}

/// What a message does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Sets a parameter in its own unit.
    Set(usize),
    /// Sets a parameter by its place on the slider, 0..1.
    SetNormal(usize),
    Press(usize),
    Free(usize),
    /// An address of the patch's own.
    Alias(Alias),
    RecallThis(String),
    Recall,
    Store,
    CueThis(String),
    Cue,
    StepCue(i32),
    /// Tells which cue came last; says nothing to the show.
    CurrentCue,
    /// Tells all values anew.
    Refresh,
    Play,
    Pause,
    Seek,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alias {
    pub place: usize,
    pub range: Option<[f64; 2]>,
    pub mode: BindingMode,
    /// Which of the message's arguments counts, from 0.
    pub argument: usize,
}

/// How a parameter was steered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Touch {
    pub when: Instant,
    pub from: IpAddr,
    pub value: f64,
}

impl Space {
    /// The addresses of all parameters in `plan`, and those that `score` brings.
    pub(super) fn new(plan: Arc<Plan>, score: Arc<Score>, has_transport: bool) -> Self {
        let places = places(&plan);
        let mut draft = Draft { places, actions: BTreeMap::new(), faults: Vec::new() };
        draft.add_parameters();
        draft.add_score(&score);
        if has_transport {
            for (name, action) in
                [("play", Action::Play), ("pause", Action::Pause), ("seek", Action::Seek)]
            {
                draft.add(format!("{ROOT}/transport/{name}"), action);
            }
        }
        draft.add(format!("{ROOT}/feedback"), Action::Refresh);
        draft.finish(plan, score)
    }

    /// The methods that a message to `address` reaches: one, or all that the pattern fits.
    pub(super) fn find(&self, address: &str) -> Found<'_> {
        if let Some(i) = self.by_address.get(address) {
            return Found::One(self.methods.get(*i));
        }
        if !address.contains(['*', '?', '[', '{']) || address.len() > MAX_PATTERN_LEN {
            return Found::One(None);
        }
        let mut patterns = lock(&self.patterns);
        if let Some(found) = patterns.get(address) {
            return Found::Many(self, found.clone());
        }
        let Some(pattern) = Pattern::new(address) else { return Found::One(None) };
        let fits = |(i, m): (usize, &Method)| pattern.fits(&m.address).then_some(i);
        let found: Arc<[usize]> = self.methods.iter().enumerate().filter_map(fits).collect();
        if patterns.len() >= MAX_PATTERNS {
            patterns.clear();
        }
        patterns.insert(address.to_owned(), found.clone());
        Found::Many(self, found)
    }

    /// The method at exactly this address.
    pub(super) fn method(&self, address: &str) -> Option<&Method> {
        self.by_address.get(address).and_then(|i| self.methods.get(*i))
    }

    /// How the parameter at `place` was steered last.
    pub(super) fn touch(&self, place: usize) -> Option<Touch> {
        lock(&self.touches).get(place).copied().flatten()
    }

    pub(super) fn set_touch(&self, place: usize, touch: Touch) {
        if let Some(slot) = lock(&self.touches).get_mut(place) {
            *slot = Some(touch);
        }
    }
}

/// What a message reaches.
pub(super) enum Found<'a> {
    One(Option<&'a Method>),
    Many(&'a Space, Arc<[usize]>),
}

impl Found<'_> {
    /// Calls `act` with all actions; returns whether there are any.
    pub fn for_each(&self, mut act: impl FnMut(&Action)) -> bool {
        match self {
            Self::One(method) => method.iter().for_each(|m| m.actions.iter().for_each(&mut act)),
            Self::Many(space, found) => {
                let methods = found.iter().filter_map(|i| space.methods.get(*i));
                methods.for_each(|m| m.actions.iter().for_each(&mut act));
            }
        }
        match self {
            Self::One(method) => method.is_some(),
            Self::Many(_, found) => !found.is_empty(),
        }
    }
}

fn places(plan: &Plan) -> Vec<Place> {
    let mut places = Vec::new();
    for (s, step) in plan.steps.iter().enumerate() {
        // Conversions on wires are no nodes of the patch.
        if !graph::is_id(&step.id) || step.id.is_empty() {
            continue;
        }
        for (p, param) in step.spec.params.iter().enumerate() {
            let address = format!("{ROOT}/{}/{}", step.id, param.id);
            places.push(Place {
                target: target(&step.id, param.id),
                at: (s, p),
                param,
                node_label: step.spec.label,
                patch_value: step.params.get(p).cloned().unwrap_or_else(|| param.resolve(None)),
                told_at: vec![(address, None)],
            });
        }
    }
    places
}

/// A space that is being made.
struct Draft {
    places: Vec<Place>,
    actions: BTreeMap<String, Vec<Action>>,
    faults: Vec<String>,
}

impl Draft {
    fn add(&mut self, address: String, action: Action) {
        self.actions.entry(address).or_default().push(action);
    }

    fn add_parameters(&mut self) {
        for i in 0..self.places.len() {
            let place = &self.places[i];
            let address = place.told_at.first().map(|(address, _)| address.clone());
            let Some(address) = address else { continue };
            let (is_number, is_int) = match place.param.domain {
                Domain::Int { .. } => (true, true),
                Domain::Text { .. } | Domain::File { .. } => (false, false),
                _ => (true, false),
            };
            if place.param.is_steerable() {
                if is_number {
                    self.add(format!("{address}/normal"), Action::SetNormal(i));
                }
                if is_int {
                    self.add(format!("{address}/press"), Action::Press(i));
                }
                self.add(format!("{address}/free"), Action::Free(i));
            }
            self.add(address, Action::Set(i));
        }
    }

    fn add_score(&mut self, score: &Score) {
        for (target, binding) in &score.bindings {
            self.add_alias(target, binding);
        }
        self.add(format!("{ROOT}/preset/recall"), Action::Recall);
        self.add(format!("{ROOT}/preset/store"), Action::Store);
        for name in score.presets.keys() {
            self.add_named("preset", name, Action::RecallThis(name.clone()));
        }
        self.add(format!("{ROOT}/cue/go"), Action::Cue);
        self.add(format!("{ROOT}/cue/next"), Action::StepCue(1));
        self.add(format!("{ROOT}/cue/previous"), Action::StepCue(-1));
        self.add(format!("{ROOT}/cue/current"), Action::CurrentCue);
        for (_, cue) in &score.cues {
            self.add_named("cue", &cue.name, Action::CueThis(cue.name.clone()));
        }
    }

    /// The address of a preset or cue. Of two that are written alike, the first has it; `recall` and
    /// `go` reach all by their exact names.
    fn add_named(&mut self, kind: &str, name: &str, action: Action) {
        let address = format!("{ROOT}/{kind}/{}", written(name));
        if !name.is_empty() && !self.actions.contains_key(&address) {
            self.add(address, action);
        }
    }

    fn add_alias(&mut self, target: &str, binding: &Binding) {
        let Some(text) = &binding.osc else { return };
        let Some((address, argument)) = alias_parts(text) else {
            return self.faults.push(format!(
                "bindings.{target}: `{text}` is no OSC address: write it as /name/name, or as \
                 `/name 2` for the second argument of a message"
            ));
        };
        // A binding of a node that the plan lacks waits until it is there.
        let Some(place) = self.places.iter().position(|p| p.target == target) else { return };
        if !self.places[place].param.is_steerable() {
            return self.faults.push(format!(
                "bindings.{target}: this parameter cannot be steered while it runs"
            ));
        }
        let (range, mode) = (binding.range, binding.mode);
        if mode == BindingMode::Follow && argument == 0 {
            self.places[place].told_at.push((address.to_owned(), range));
        }
        self.add(address.to_owned(), Action::Alias(Alias { place, range, mode, argument }));
    }

    fn finish(self, plan: Arc<Plan>, score: Arc<Score>) -> Space {
        let method = |(address, actions)| Method { address, actions };
        let methods: Vec<Method> = self.actions.into_iter().map(method).collect();
        let index = |(i, method): (usize, &Method)| (method.address.clone(), i);
        let by_address = methods.iter().enumerate().map(index).collect();
        let touches = Mutex::new(vec![None; self.places.len()]);
        let (places, faults, patterns) = (self.places, self.faults, Mutex::default());
        Space { plan, score, places, methods, by_address, patterns, touches, faults }
    }
}

/// A name as a part of an address: what OSC keeps for itself becomes `_`.
pub(super) fn written(name: &str) -> String {
    let is_sound = |c: char| c.is_ascii_graphic() && !"#*,/?[]{}".contains(c);
    name.chars().take(200).map(|c| if is_sound(c) { c } else { '_' }).collect()
}

/// Address and argument, counted from 0, of `/address` or `/address 2`.
fn alias_parts(text: &str) -> Option<(&str, usize)> {
    let (address, argument) = match text.split_once(' ') {
        Some((address, number)) => (address, number.trim().parse::<usize>().ok()?.checked_sub(1)?),
        None => (text, 0),
    };
    (is_address(address) && argument < 64).then_some((address, argument))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(super) mod testing {
    use lumawire_core::{
        Io, Node, NodeError, NodeSpec, Port, PortType, Rate, Registry, Role, Unit, compile, patch,
    };

    use super::*;

    struct Still;

    impl Node for Still {
        fn process(&mut self, _: &mut Io<'_>) -> Result<(), NodeError> {
            Ok(())
        }
    }

    const ANY: &[Port] = &[Port::optional("in", PortType::Control, "Any.")];

    static KNOBS: NodeSpec = NodeSpec {
        kind: "test.knobs",
        version: 1,
        label: "Knobs",
        doc: "Parameters of all types.",
        rate: Rate::Inherit,
        role: Role::Sink,
        inputs: ANY,
        outputs: &[],
        params: &[
            Param::float("speed", "Speed", 1.0, (0.0, 4.0))
                .hard(0.0, 100.0)
                .unit(Unit::Hz)
                .doc("How fast."),
            Param::int("count", "Count", 0, (0, 16)).hard_int(0, 1 << 40).doc("A button."),
            Param::switch("on", "On", false).doc("Whether."),
            Param::choice("mode", "Mode", &["soft", "hard"]).doc("How."),
            Param::text("title", "Title", "none").doc("What."),
            Param::int("size", "Size", 4, (1, 8)).rebuild().doc("How large."),
        ],
        build: || Box::new(Still),
    };

    /// A patch with two nodes of every type of parameter, `a` and `b`.
    pub fn space(bindings: &str, presets: &str, cues: &str) -> Space {
        let text = format!(
            r#"{{ "format": "lumawire-patch", "version": 1,
                 "nodes": {{ "a": {{ "kind": "test.knobs@1", "params": {{ "speed": 2 }} }},
                             "b": {{ "kind": "test.knobs@1" }} }},
                 "bindings": {bindings}, "presets": {presets}, "cues": {cues} }}"#
        );
        let graph = patch::parse(&text).unwrap().graph;
        let plan = compile(&graph, &Registry::new([&KNOBS])).unwrap();
        Space::new(Arc::new(plan), Arc::new(Score::of(&graph).0), false)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::space;
    use super::*;

    fn found(space: &Space, address: &str) -> Vec<Action> {
        let mut actions = Vec::new();
        space.find(address).for_each(|action| actions.push(action.clone()));
        actions
    }

    fn place(space: &Space, target: &str) -> usize {
        space.places.iter().position(|p| p.target == target).unwrap()
    }

    #[test]
    fn every_parameter_has_its_addresses() {
        let space = space("{}", "{}", "{}");
        let speed = place(&space, "a.speed");
        assert_eq!(found(&space, "/lumawire/a/speed"), [Action::Set(speed)]);
        assert_eq!(found(&space, "/lumawire/a/speed/normal"), [Action::SetNormal(speed)]);
        assert_eq!(found(&space, "/lumawire/a/speed/free"), [Action::Free(speed)]);
        assert_eq!(found(&space, "/lumawire/a/speed/press"), []);
        let count = place(&space, "b.count");
        assert_eq!(found(&space, "/lumawire/b/count/press"), [Action::Press(count)]);
        assert_eq!(found(&space, "/lumawire/a/size/normal"), [], "it must be rebuilt");
        assert_eq!(found(&space, "/lumawire/c/speed"), []);
        assert_eq!(found(&space, "/lumawire/transport/play"), []);
    }

    #[test]
    fn patterns_reach_all_that_they_fit() {
        let space = space("{}", "{}", "{}");
        let places = ["a.speed", "b.speed"].map(|t| Action::Set(place(&space, t)));
        for pattern in ["/lumawire/*/speed", "/lumawire/?/speed", "/lumawire/{a,b}/s*d"] {
            assert_eq!(found(&space, pattern), places, "{pattern}");
            assert_eq!(found(&space, pattern), places, "{pattern}, remembered");
        }
        assert_eq!(found(&space, "/lumawire/[b-c]/speed"), places[1..]);
        assert_eq!(found(&space, "/lumawire/[!b-c]/speed"), places[..1]);
        assert_eq!(found(&space, "/*/speed"), [], "a star stays between its slashes");
        for nonsense in ["[", "/[", "/{a", "/{}", "*", "/a/[z"] {
            assert_eq!(found(&space, nonsense), [], "{nonsense}");
        }
        for i in 0..3 * MAX_PATTERNS {
            found(&space, &format!("/x{i}*"));
        }
        assert!(lock(&space.patterns).len() <= MAX_PATTERNS);
    }

    #[test]
    fn aliases_presets_and_cues_have_addresses_of_their_own() {
        let space = space(
            r#"{ "a.speed": { "osc": "/fader/1", "range": [0, 2] }, "b.speed": { "osc": "/fader/1" },
                 "a.on": { "osc": "/xy 2", "mode": "toggle" }, "b.on": { "osc": "xy" },
                 "b.size": { "osc": "/size" } }"#,
            r#"{ "calm sea": {}, "calm/sea": {}, "store": {} }"#,
            r#"{ "list": [ { "name": "drop!" }, { "name": "" } ] }"#,
        );
        let alias = |target: &str, range, mode, argument| {
            Action::Alias(Alias { place: place(&space, target), range, mode, argument })
        };
        let follow = BindingMode::Follow;
        let both =
            [alias("a.speed", Some([0.0, 2.0]), follow, 0), alias("b.speed", None, follow, 0)];
        assert_eq!(found(&space, "/fader/1"), both);
        assert_eq!(found(&space, "/xy"), [alias("a.on", None, BindingMode::Toggle, 1)]);
        assert_eq!(space.faults.len(), 2, "{:?}", space.faults);
        let calm = Action::RecallThis("calm sea".into());
        assert_eq!(found(&space, "/lumawire/preset/calm_sea"), [calm]);
        assert_eq!(found(&space, "/lumawire/preset/store"), [Action::Store]);
        assert_eq!(found(&space, "/lumawire/cue/drop!"), [Action::CueThis("drop!".into())]);
        assert_eq!(found(&space, "/lumawire/cue/"), []);
    }
}
