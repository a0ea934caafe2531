//! Finds the generator in what a pickle holds: a tree of modules, or a dictionary of tensors.

use std::collections::{BTreeMap, BTreeSet};

use super::pickle::{Global, Heap, Id, Value};
use super::printable;
use super::source::Source;
use super::tensor::View;
use super::torch::Contents;
use crate::ModelError;

/// Keys of the generator with averaged weights, which is the one that draws well.
const AVERAGED: [&str; 5] = ["G_ema", "g_ema", "params_ema", "ema", "generator_ema"];
/// Keys of a generator that stands alone.
const LONE: [&str; 7] = ["G", "g", "generator", "state_dict", "model", "params", "netG"];
/// Classes that are no StyleGAN2, and what they are.
const OTHER_CLASSES: [(&str, &str); 4] = [
    ("SuperresGenerator", "a StyleGAN-XL network"),
    ("TriPlaneGenerator", "an EG3D network"),
    ("DualDiscriminator", "a part of an EG3D network"),
    ("Discriminator", "a discriminator, which judges pictures and draws none"),
];
/// Modules within modules: published networks have four levels.
const MAX_DEPTH: usize = 12;
/// Tensors of one network: published ones have about 250.
const MAX_TENSORS: usize = 1 << 14;
/// Visits of modules in one network: published ones have about 100 modules.
const MAX_MODULES: usize = 1 << 12;
/// Bytes of a weight's or module's name with its prefix: published ones have about 40.
const MAX_NAME_LEN: usize = 256;

/// The generator of a pickle.
#[derive(Default)]
pub struct Found {
    /// Tensors by their names in the file.
    pub views: BTreeMap<String, View>,
    /// How the modules say that they compute, where there are modules.
    pub traits: Traits,
    /// What the user should know of the choice.
    pub notes: Vec<String>,
    /// Visits of modules.
    pub num_modules: usize,
}

/// Settings of the modules that no weight tells.
#[derive(Default)]
pub struct Traits {
    /// Bound of the activations; `None` where no module says.
    pub conv_clamp: Option<Option<f32>>,
    /// Modules that were trained without noise, such as `synthesis.b4.conv1`.
    pub without_noise: BTreeSet<String>,
}

/// Finds the generator and lists its tensors.
pub fn find(source: &mut Source<'_>, contents: &mut Contents) -> Result<Found, ModelError> {
    let (generator, note) = choose(&contents.heap, contents.root)?;
    let mut found = Found { notes: note.into_iter().collect(), ..Found::default() };
    if is_module(&contents.heap, generator) {
        collect(source, contents, generator, "", 0, &mut found)?;
    } else {
        collect_tensors(source, contents, generator, "", &mut found)?;
    }
    if let Some(mean) = contents.heap.entry(contents.root, "latent_avg")?
        && let Some(view) = contents.view(source, mean)?
    {
        found.views.insert("latent_avg".to_owned(), view);
    }
    Ok(found)
}

/// The generator among what lies at the root, and what to say of the choice.
fn choose(heap: &Heap, root: Id) -> Result<(Id, Option<String>), ModelError> {
    if is_module(heap, root) {
        return Ok((
            root,
            Some("a lone generator: nothing says if its weights are averaged".into()),
        ));
    }
    let present = |key: &str| {
        heap.entry(root, key).map(|id| id.filter(|id| !matches!(heap.get(*id), Value::None)))
    };
    for key in AVERAGED {
        if let Some(id) = present(key)? {
            return Ok((id, None));
        }
    }
    for key in LONE {
        if let Some(id) = present(key)? {
            return Ok((id, Some(format!("`{key}` draws: there are no averaged weights (G_ema)"))));
        }
    }
    let holds_tensor = heap.entries(root).iter().any(|(_, value)| {
        let callee = heap.object(*value).map(|object| object.callee);
        matches!(callee, Some(Global::RebuildTensor | Global::RebuildParameter))
    });
    if holds_tensor {
        return Ok((root, None));
    }
    let keys = heap.entries(root).iter().filter_map(|(key, _)| heap.text(*key)).take(8);
    let keys: Vec<_> = keys.map(printable).collect();
    let found = if keys.is_empty() {
        "a pickle without a network".to_owned()
    } else {
        format!("a pickle without a generator (it holds {})", keys.join(", "))
    };
    Err(ModelError::unsupported(found, "choose a checkpoint with `G_ema` (NVIDIA) or `g_ema`"))
}

fn is_module(heap: &Heap, id: Id) -> bool {
    heap.object(id).is_some_and(|object| match object.callee {
        Global::PersistentObject => true,
        Global::Inert => object.state.is_some_and(|state| !heap.entries(state).is_empty()),
        _ => false,
    })
}

/// Class and attributes of a module.
fn attributes(heap: &Heap, id: Id) -> Result<Option<(&str, Id)>, ModelError> {
    let Some(object) = heap.object(id) else { return Ok(None) };
    if object.callee == Global::PersistentObject {
        let Some(&[meta]) = heap.tuple(object.args) else { return Ok(None) };
        let class = heap.entry(meta, "class_name")?.and_then(|class| heap.text(class));
        return Ok(heap.entry(meta, "state")?.map(|state| (class.unwrap_or_default(), state)));
    }
    Ok(object.state.map(|state| ("", state)))
}

/// Lists the tensors of a module and of all that it holds.
fn collect(
    source: &mut Source<'_>,
    contents: &mut Contents,
    module: Id,
    prefix: &str,
    depth: usize,
    found: &mut Found,
) -> Result<(), ModelError> {
    if depth > MAX_DEPTH {
        return Err(ModelError::TooLarge(format!("modules nested over {MAX_DEPTH} deep")));
    }
    found.num_modules += 1;
    if found.num_modules > MAX_MODULES {
        return Err(ModelError::TooLarge(format!("more than {MAX_MODULES} modules")));
    }
    let Some((class, state)) = attributes(&contents.heap, module)? else { return Ok(()) };
    if let Some((_, what)) = OTHER_CLASSES.iter().find(|(name, _)| *name == class) {
        return Err(ModelError::unsupported(*what, "choose a StyleGAN2 or StyleGAN2-ADA network"));
    }
    found.traits.note(&contents.heap, class, state, prefix)?;
    for part in ["_parameters", "_buffers"] {
        if let Some(tensors) = contents.heap.entry(state, part)? {
            collect_tensors(source, contents, tensors, prefix, found)?;
        }
    }
    if let Some(modules) = contents.heap.entry(state, "_modules")? {
        contents.heap.charge(contents.heap.entries(modules).len())?;
        for index in 0..contents.heap.entries(modules).len() {
            let (name, module) = contents.heap.entries(modules)[index];
            if let Some(name) = contents.heap.text(name) {
                let prefix = join(prefix, name)? + ".";
                collect(source, contents, module, &prefix, depth + 1, found)?;
            }
        }
    }
    Ok(())
}

/// Lists the tensors of a dictionary.
fn collect_tensors(
    source: &mut Source<'_>,
    contents: &mut Contents,
    tensors: Id,
    prefix: &str,
    found: &mut Found,
) -> Result<(), ModelError> {
    contents.heap.charge(contents.heap.entries(tensors).len())?;
    for index in 0..contents.heap.entries(tensors).len() {
        let (name, tensor) = contents.heap.entries(tensors)[index];
        let Some(name) = contents.heap.text(name) else { continue };
        let name = join(prefix, name)?;
        let view = contents.view(source, tensor).map_err(|error| match error {
            ModelError::Damaged(why) => {
                ModelError::Damaged(format!("`{}`: {why}", printable(&name)))
            }
            error => error,
        })?;
        if let Some(view) = view {
            found.views.insert(name, view);
        }
        if found.views.len() > MAX_TENSORS {
            return Err(ModelError::TooLarge(format!("more than {MAX_TENSORS} tensors")));
        }
    }
    Ok(())
}

/// `prefix` and `name` in one, which may be [`MAX_NAME_LEN`] long.
fn join(prefix: &str, name: &str) -> Result<String, ModelError> {
    if prefix.len() + name.len() > MAX_NAME_LEN {
        let start = printable(if prefix.is_empty() { name } else { prefix });
        return Err(ModelError::TooLarge(format!("a long name that starts with `{start}`")));
    }
    Ok(format!("{prefix}{name}"))
}

impl Traits {
    /// Takes note of a module's settings; fails where it computes something else than the code here.
    fn note(
        &mut self,
        heap: &Heap,
        class: &str,
        state: Id,
        prefix: &str,
    ) -> Result<(), ModelError> {
        let path = prefix.trim_end_matches('.');
        let expect = |attribute: &str, holds: bool| {
            if holds {
                return Ok(());
            }
            let path = printable(path);
            let why = format!("`{path}` has an `{attribute}` that this build cannot draw with");
            Err(ModelError::Config(why))
        };
        match class {
            "SynthesisLayer" | "ToRGBLayer" => self.note_clamp(heap, state, path)?,
            "FullyConnectedLayer" if path.starts_with("mapping.fc") => {
                let gain = heap.entry(state, "bias_gain")?.and_then(|gain| heap.float(gain));
                expect("lr_multiplier", gain.is_none_or(|gain| (gain - 0.01).abs() < 1e-9))?;
            }
            _ => {}
        }
        if class == "SynthesisLayer" || path.starts_with("mapping.fc") {
            let activation = heap.entry(state, "activation")?.and_then(|id| heap.text(id));
            expect("activation", activation.is_none_or(|name| name == "lrelu"))?;
        }
        if let Some(use_noise) = heap.entry(state, "use_noise")?
            && heap.int(use_noise) == Some(0)
        {
            self.without_noise.insert(path.to_owned());
        }
        Ok(())
    }

    fn note_clamp(&mut self, heap: &Heap, state: Id, path: &str) -> Result<(), ModelError> {
        let Some(clamp) = heap.entry(state, "conv_clamp")? else { return Ok(()) };
        let clamp = match heap.get(clamp) {
            Value::None => None,
            _ => Some(heap.float(clamp).ok_or_else(|| {
                ModelError::Config(format!(
                    "`{}` has a conv_clamp that is no number",
                    printable(path)
                ))
            })? as f32),
        };
        if self.conv_clamp.is_some_and(|known| known != clamp) {
            let why = "its layers have different values of conv_clamp".to_owned();
            return Err(ModelError::Config(why));
        }
        self.conv_clamp = Some(clamp);
        Ok(())
    }
}
