//! `generate.model`: a network from a file, or a stand-in.

use std::any::Any;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;
use lumawire_core::{
    FileKind, Handle, Io, Node, NodeError, NodeSpec, Param, Params, Port, PortType, PrepareCx,
    Rate, Role, Value,
};
use lumawire_models::stylegan2::{Config, Generator, Model as Network};

use super::store::{Held, Key, ModelStore};

const OUT_MODEL: usize = 0;

const FILE: usize = 0;
const STANDIN_SEED: usize = 1;
const STANDIN_RESOLUTION: usize = 2;
const STANDIN_DETAIL: usize = 3;

const RESOLUTIONS_PX: [usize; 6] = [256, 32, 64, 128, 512, 1024];
const DETAILS: [usize; 4] = [4096, 2048, 8192, 16384];
/// Most channels that a stand-in's blocks have.
pub fn channel_max(detail: usize) -> usize {
    (detail / 32).min(512)
}

/// See `doc`.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "generate.model",
    version: 1,
    label: "Model",
    doc: "Loads a StyleGAN2 network. It opens NVIDIA's .pkl (stylegan2-ada-pytorch), rosinality's \
          .pt and .safetensors files, told by their content; nothing in them is run. The averaged \
          generator (G_ema) draws; sizes come from the file. Without a file, or where the file is \
          absent, a stand-in with made-up weights draws abstract pictures, so that every patch \
          runs; an absent file is reported, and a network that was loaded from it before draws on. \
          A damaged file is an error. Nodes that name the same file share one network.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[],
    outputs: &[Port::output("model", PortType::Model, "The network.")],
    params: &[
        Param::file("file", "File", FileKind::Model)
            .doc("Weights: .pkl, .pt or .safetensors. None: the stand-in."),
        Param::int("standin_seed", "Stand-in seed", 0, (0, 100))
            .hard_int(0, u32::MAX as i64)
            .rebuild()
            .doc("Seed of the stand-in's weights: another world of pictures."),
        Param::choice(
            "standin_resolution",
            "Stand-in size",
            &["256", "32", "64", "128", "512", "1024"],
        )
        .rebuild()
        .doc("Side of the stand-in's pictures in pixels."),
        Param::choice("standin_detail", "Stand-in detail", &["4096", "2048", "8192", "16384"])
            .rebuild()
            .doc(
                "Channels times resolution of the stand-in's fine layers: more is richer, slower.",
            ),
    ],
    build: || Box::<Model>::default(),
};

#[derive(Default)]
struct Model {
    network: Option<Arc<Network>>,
    /// The file that is named.
    file: Option<PathBuf>,
    /// Whether it is not there.
    is_absent: bool,
    /// Why no GPU draws it, where one shall.
    complaint: Option<Arc<str>>,
}

impl Node for Model {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let store = ModelStore::of(cx.services);
        self.file = cx.file(FILE);
        let found = match &self.file {
            Some(path) => from_file(&store, path)?,
            None => None,
        };
        self.is_absent = self.file.is_some() && found.is_none();
        let Held { network: generator, complaint } = match found {
            Some(held) => held,
            None => stand_in(&store, cx.params)?,
        };
        self.complaint = complaint;
        self.network = Some(Arc::new(Network { generator, rewrites: Vec::new() }));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(network) = &self.network {
            let handle = Handle::new(network.generator.content_key(), network.clone());
            io.outputs.set(OUT_MODEL, Value::Model(handle));
        }
        match &self.file {
            Some(path) if self.is_absent => Err(NodeError::file(
                path,
                "is not there; the network that was loaded from it before draws on, or else a \
                 stand-in: choose the file again",
            )),
            _ => match &self.complaint {
                Some(why) => {
                    Err(NodeError::device("GPU", format!("{why}; the processor draws instead")))
                }
                None => Ok(()),
            },
        }
    }

    /// Where the file has gone while the patch runs, its network draws on.
    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>()
            && self.is_absent
            && old.file == self.file
        {
            self.network = old.network.take();
            self.complaint = old.complaint.take();
        }
    }
}

/// The network in the file at `path`, or `None` where there is no file.
fn from_file(store: &ModelStore, path: &Path) -> Result<Option<Held>, NodeError> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(NodeError::file(path, e)),
    };
    let key = Key::File {
        path: path.to_owned(),
        len: metadata.len(),
        modified: metadata.modified().ok(),
    };
    store
        .get_or_load(key, || Generator::load(path, &Device::Cpu))
        .map(Some)
        .map_err(|e| NodeError::file(path, e))
}

fn stand_in(store: &ModelStore, params: Params<'_>) -> Result<Held, NodeError> {
    let option =
        |options: &[usize], i| options.get(params.choice(i)).copied().unwrap_or(options[0]);
    let resolution = option(&RESOLUTIONS_PX, STANDIN_RESOLUTION);
    let detail = option(&DETAILS, STANDIN_DETAIL);
    let seed = u32::try_from(params.int(STANDIN_SEED)).unwrap_or(0);
    store
        .get_or_load(Key::StandIn { seed, resolution, detail }, || {
            Generator::stand_in(Config::new(resolution, detail, channel_max(detail)), seed)
        })
        .map_err(|e| NodeError::param("standin_resolution", e))
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;
    use lumawire_core::{ParamValue, Services};
    use lumawire_models::accelerator::{Accelerator, AcceleratorError, Event, Launch, Recording};
    use lumawire_models::stylegan2::Precision;

    use super::*;
    use crate::generate::Placement;

    fn reference() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/stylegan2")
    }

    fn small() -> Harness {
        Harness::new(&SPEC).param("standin_resolution", "32").param("standin_detail", "2048")
    }

    fn network(node: &Harness) -> Arc<Generator> {
        let Value::Model(handle) = node.output("model") else { panic!("no model") };
        super::super::network("model", Some(handle)).unwrap().generator.clone()
    }

    #[test]
    fn choices_list_the_sizes() {
        for (param, sizes) in
            [(STANDIN_RESOLUTION, &RESOLUTIONS_PX[..]), (STANDIN_DETAIL, &DETAILS)]
        {
            let lumawire_core::Domain::Choice { options, .. } = SPEC.params[param].domain else {
                panic!("no choice")
            };
            let names: Vec<String> = sizes.iter().map(ToString::to_string).collect();
            assert_eq!(options, names);
        }
    }

    #[test]
    fn loads_a_file_once_for_all_nodes() {
        let services = Services::default();
        let make = || {
            let file = ParamValue::file("sg2ada_a.model.safetensors");
            let node = Harness::new(&SPEC).base_dir(reference()).services(&services);
            let mut node = node.param("file", file).prepare().unwrap();
            node.tick().unwrap();
            node
        };
        let (a, b) = (make(), make());
        assert!(Arc::ptr_eq(&network(&a), &network(&b)));
        assert_eq!(network(&a).config().img_resolution, 64);
    }

    /// A GPU without memory.
    #[derive(Debug)]
    struct Full;

    impl Accelerator for Full {
        fn name(&self) -> &str {
            "Full 1000 (cuda:0)"
        }
        fn uuid(&self) -> Option<[u8; 16]> {
            None
        }
        fn num_multiprocessors(&self) -> u32 {
            1
        }
        fn allocate(&self, _: usize) -> Result<u64, AcceleratorError> {
            Err(AcceleratorError(format!("{}: its memory is full", self.name())))
        }
        fn free(&self, _: u64) {}
        fn write(&self, _: u64, _: &[u8]) -> Result<(), AcceleratorError> {
            panic!("nothing was reserved")
        }
        fn read(&self, _: u64, _: &mut [u8]) -> Result<(), AcceleratorError> {
            panic!("nothing was reserved")
        }
        fn launch(&self, _: &Launch<'_>) -> Result<(), AcceleratorError> {
            panic!("nothing was reserved")
        }
        fn mark(&self) -> Result<Box<dyn Event>, AcceleratorError> {
            Err(AcceleratorError(format!("{}: its memory is full", self.name())))
        }
        fn record(
            &self,
            _: &mut dyn FnMut() -> Result<(), AcceleratorError>,
        ) -> Result<Option<Box<dyn Recording>>, AcceleratorError> {
            Ok(None)
        }
    }

    #[test]
    fn a_network_that_the_gpu_cannot_take_is_there_all_the_same_and_that_is_told() {
        let services = Services::default();
        let precision = Precision::default();
        services.insert(Arc::new(Placement { accelerator: Arc::new(Full), precision }));
        for _ in 0..2 {
            let mut node = small().services(&services).prepare().unwrap();
            let Err(NodeError::Device { reason, .. }) = node.tick() else { panic!("not told") };
            assert!(reason.contains("Full 1000 (cuda:0)"), "{reason}");
            assert!(reason.contains("the processor draws"), "{reason}");
            assert_eq!(network(&node).config().img_resolution, 32);
        }
    }

    #[test]
    fn an_absent_file_leaves_a_stand_in_and_a_notice() {
        let mut node =
            small().param("file", ParamValue::file("gone.safetensors")).prepare().unwrap();
        for _ in 0..2 {
            assert!(matches!(node.tick(), Err(NodeError::File { .. })));
        }
        assert_eq!(network(&node).config().img_resolution, 32);
    }

    /// A drive that is pulled out takes no running network away.
    #[test]
    fn a_file_that_goes_away_leaves_its_network() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("net.safetensors");
        std::fs::copy(reference().join("sg2ada_a.model.safetensors"), &path).unwrap();
        let make = |file: &str| {
            small().base_dir(dir.path()).param("file", ParamValue::file(file)).prepare().unwrap()
        };
        let mut old = make("net.safetensors");
        std::fs::remove_file(&path).unwrap();
        let mut other = make("other.safetensors");
        other.node_mut().adopt(old.node_mut());
        assert!(other.tick().is_err());
        assert_eq!(network(&other).config().img_resolution, 32);
        let mut new = make("net.safetensors");
        new.node_mut().adopt(old.node_mut());
        assert!(matches!(new.tick(), Err(NodeError::File { .. })));
        assert_eq!(network(&new).config().img_resolution, 64);
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bad.safetensors"), b"no weights").unwrap();
        let node = small().base_dir(dir.path()).param("file", ParamValue::file("bad.safetensors"));
        assert!(matches!(node.prepare().err(), Some(NodeError::File { .. })));
    }

    #[test]
    fn stand_ins_follow_their_seed() {
        let key = |seed: i64| {
            let mut node = small().param("standin_seed", seed).prepare().unwrap();
            node.tick().unwrap();
            network(&node).content_key()
        };
        assert_eq!(key(1), key(1));
        assert_ne!(key(1), key(2));
    }
}
