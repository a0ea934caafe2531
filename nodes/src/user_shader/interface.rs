//! The descriptions of nodes whose ports and parameters a file declares.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use lumawire_core::{Graph, NodeError, NodeSpec, Param, Port, PortType, Registry};

use super::declared::SlotKind;
use super::{Declared, Language, Slot, TextureKind, source};
use crate::post;

/// Descriptions that a program may keep: they are never freed, and equal ones are kept once.
const MAX_INTERFACES: usize = 4096;
/// Numbers that a shader may take.
const MAX_PARAMS: usize = 256;
/// Textures that a shader may read: what every device offers.
const MAX_TEXTURES: usize = 16;
/// Values by which a person could take a node's own ports and parameters for the shader's.
const OWN_IDS: [&str; 3] = ["file", "width_px", "height_px"];

/// What is wrong with the file of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShaderFault {
    /// The node.
    pub node: String,
    /// The fault, by the line of the file.
    pub error: NodeError,
}

/// Reads the files that give nodes of `graph` their ports and parameters, tells `registry`, and
/// gives what is wrong with them. Files are compiled, but nothing is drawn. Call it whenever the
/// document or one of the files has changed, before `compile`. A file whose head cannot be read
/// leaves what `registry` knew of it.
pub fn interfaces(graph: &Graph, base_dir: &Path, registry: &mut Registry) -> Vec<ShaderFault> {
    let mut faults = Vec::new();
    let mut read = BTreeMap::new();
    for (id, node) in graph.nodes() {
        let (Some(path), Some(spec)) = (registry.interface_file(node), registry.get(&node.kind))
        else {
            continue;
        };
        let Some(language) = post::language(spec.kind) else { continue };
        let (interface, error) = read
            .entry((spec.kind, path.to_owned()))
            .or_insert_with(|| interface(spec, language, &base_dir.join(path)));
        if let Some(interface) = interface {
            registry.set_interface(path, interface);
        }
        if let Some(error) = error {
            faults.push(ShaderFault { node: id.to_owned(), error: error.clone() });
        }
    }
    faults
}

/// The description that the file at `path` gives a node, and what is wrong with the file.
fn interface(
    base: &'static NodeSpec,
    language: &Language,
    path: &Path,
) -> (Option<&'static NodeSpec>, Option<NodeError>) {
    let declared = source::read(path).and_then(|text| {
        let declared = language.declare(path, &text)?;
        Ok((spec_of(base, path, &declared)?, text, declared))
    });
    match declared {
        Ok((spec, text, declared)) => (Some(spec), language.compile(path, &text, &declared).err()),
        Err(error) => (None, Some(error)),
    }
}

/// The description of a node of kind `base` with what is declared.
///
/// # Errors
/// More parameters or textures than there may be; two of one name.
pub(super) fn spec_of(
    base: &'static NodeSpec,
    path: &Path,
    declared: &Declared,
) -> Result<&'static NodeSpec, NodeError> {
    let mut inputs = Vec::new();
    let mut params: Vec<ParamOf> = Vec::new();
    for texture in &declared.textures {
        let (id, ty) = match &texture.kind {
            TextureKind::Image { id } => (id, PortType::Image),
            TextureKind::Sound { id, .. } => (id, PortType::Spectrum),
            TextureKind::Imported { .. } | TextureKind::Target => continue,
        };
        inputs.push((id.as_str(), ty, texture.label.as_str()));
    }
    for slot in declared.fields.iter().flat_map(|field| &field.slots) {
        match slot.kind {
            SlotKind::Event => inputs.push((&slot.id, PortType::Trigger, &slot.label)),
            _ => params.push(ParamOf(slot)),
        }
    }
    if declared.textures.len() > MAX_TEXTURES || params.len() > MAX_PARAMS {
        let most = format!("it may take {MAX_TEXTURES} textures and {MAX_PARAMS} numbers at most");
        return Err(NodeError::file(path, most));
    }
    let ids = inputs.iter().map(|(id, ..)| *id).chain(params.iter().map(|p| p.0.id.as_str()));
    let mut ids: Vec<&str> = ids.chain(OWN_IDS).collect();
    ids.sort_unstable();
    if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        let reason = format!("`{}` is taken twice, or by the node itself; rename it", twice[0]);
        return Err(NodeError::file(path, reason));
    }
    intern(base, &declared.doc, &inputs, &params).ok_or_else(|| {
        NodeError::file(path, "too many interfaces were tried in one run; start again")
    })
}

#[derive(Debug)]
struct ParamOf<'a>(&'a Slot);

impl ParamOf<'_> {
    fn param(&self) -> Param {
        let Slot { id, label, kind } = self.0;
        let (id, label) = (kept(id), kept(label));
        let param = match kind {
            SlotKind::Float { default, range } => Param::float(id, label, *default, *range),
            SlotKind::Int { default, range } => Param::int(id, label, *default, *range),
            SlotKind::Bool { default } => Param::switch(id, label, *default),
            SlotKind::Choice { default, options } => {
                let options: Vec<&str> = options.iter().map(|(name, _)| kept(name)).collect();
                let default = options.get(*default).copied().unwrap_or_default();
                let mut param = Param::switch(id, label, false);
                param.domain = lumawire_core::Domain::Choice { default, options: options.leak() };
                param.modulatable = false;
                param
            }
            SlotKind::Event => Param::switch(id, label, false),
        };
        param.doc("Declared by the shader.")
    }
}

/// The one description of this content.
fn intern(
    base: &'static NodeSpec,
    doc: &str,
    inputs: &[(&str, PortType, &str)],
    params: &[ParamOf<'_>],
) -> Option<&'static NodeSpec> {
    static KEPT: Mutex<BTreeMap<String, &'static NodeSpec>> = Mutex::new(BTreeMap::new());
    let key = format!("{:?}", (base.kind, doc, inputs, params));
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(spec) = all.get(&key) {
        return Some(spec);
    }
    if all.len() >= MAX_INTERFACES {
        return None;
    }
    let inputs: Vec<Port> =
        inputs.iter().map(|(id, ty, doc)| Port::optional(kept(id), *ty, kept(doc))).collect();
    let params: Vec<Param> =
        base.params.iter().copied().chain(params.iter().map(ParamOf::param)).collect();
    let spec = NodeSpec {
        doc: if doc.is_empty() { base.doc } else { kept(doc) },
        inputs: inputs.leak(),
        params: params.leak(),
        ..*base
    };
    let spec: &'static NodeSpec = Box::leak(Box::new(spec));
    all.insert(key, spec);
    Some(spec)
}

fn kept(text: &str) -> &'static str {
    Box::leak(Box::<str>::from(text))
}
