//! The names that a pickle may ask for. Each stands for data of a known form; none is ever called.

use crate::ModelError;
use crate::checkpoint::printable;
use crate::checkpoint::tensor::Element;

/// What a name that a pickle asks for stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    /// `torch_utils.persistence._reconstruct_persistent_obj`: a module of NVIDIA's, with its state.
    PersistentObject,
    /// `torch._utils._rebuild_tensor_v2`: a view of a storage.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`: a tensor that was trained.
    RebuildParameter,
    /// `torch.storage._load_from_bytes`: a storage as a file within the file.
    LoadFromBytes,
    /// A dictionary of some kind.
    Dictionary,
    /// The type of a storage's elements.
    Storage(Element),
    /// Data that no network is made of: it is kept as it is and never looked at.
    Inert,
}

impl Global {
    /// What `module.name` stands for; an error that names it where it is not known.
    pub fn find(module: &str, name: &str) -> Result<Self, ModelError> {
        Ok(match (module, name) {
            ("torch_utils.persistence", "_reconstruct_persistent_obj") => Self::PersistentObject,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch.storage", "_load_from_bytes") => Self::LoadFromBytes,
            ("collections", "OrderedDict" | "defaultdict") | ("dnnlib.util", "EasyDict") => {
                Self::Dictionary
            }
            ("torch" | "torch.cuda" | "torch.storage", storage) if storage.ends_with("Storage") => {
                Self::Storage(element(module, storage)?)
            }
            _ if is_inert(module, name) => Self::Inert,
            _ if is_tensorflow(module) => {
                return Err(ModelError::unsupported(
                    "a network for TensorFlow",
                    "convert it with `python legacy.py --source=IN.pkl --dest=OUT.pkl` of NVIDIA's \
                     stylegan2-ada-pytorch, and open the result",
                ));
            }
            _ => return Err(foreign(module, name)),
        })
    }
}

/// Modules, numbers and settings beside the weights, as training programs leave them.
fn is_inert(module: &str, name: &str) -> bool {
    match module {
        "builtins" | "__builtin__" => matches!(
            name,
            "set" | "frozenset" | "bytearray" | "complex" | "slice" | "range" | "object"
        ),
        "copyreg" | "copy_reg" => name == "_reconstructor",
        "_codecs" => name == "encode",
        "argparse" => name == "Namespace",
        "pathlib" => matches!(name, "PosixPath" | "WindowsPath" | "PurePosixPath" | "Path"),
        "numpy" => matches!(name, "dtype" | "ndarray"),
        "numpy.core.multiarray" | "numpy._core.multiarray" => {
            matches!(name, "scalar" | "_reconstruct")
        }
        "torch" => matches!(
            name,
            "Size" | "device" | "float16" | "bfloat16" | "float32" | "float64" | "int64" | "uint8"
        ),
        "torch.nn.parameter" => matches!(name, "Parameter" | "Buffer"),
        _ => module.starts_with("torch.nn.modules."),
    }
}

fn foreign(module: &str, name: &str) -> ModelError {
    ModelError::ForeignGlobal(printable(&format!("{module}.{name}")))
}

fn is_tensorflow(module: &str) -> bool {
    module.starts_with("dnnlib.tflib") || module == "tfutil"
}

fn element(module: &str, storage: &str) -> Result<Element, ModelError> {
    Ok(match storage {
        "HalfStorage" => Element::F16,
        "BFloat16Storage" => Element::Bf16,
        "FloatStorage" => Element::F32,
        "DoubleStorage" => Element::F64,
        "CharStorage" => Element::I8,
        "ByteStorage" | "BoolStorage" => Element::U8,
        "ShortStorage" => Element::I16,
        "IntStorage" => Element::I32,
        "LongStorage" => Element::I64,
        _ => return Err(foreign(module, storage)),
    })
}
