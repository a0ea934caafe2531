//! Tensors as torch pickles them: in NVIDIA's pickles, and in the files of `torch.save`.

use std::collections::BTreeMap;

use super::pickle::{self, Global, Heap, Id, Pickle, Value};
use super::printable;
use super::source::{Reader, Source, Span};
use super::tensor::{Element, Storage, View};
use super::zip::Archive;
use crate::ModelError;

/// The number that a file of `torch.save` before version 1.6 starts with.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// A file of that kind starts with these bytes: a pickle of that number.
pub const LEGACY_HEAD: [u8; 14] =
    [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const LEGACY_VERSION: i64 = 1001;

/// A pickle and where its tensors' storages lie.
pub struct Contents {
    pub heap: Heap,
    pub root: Id,
    storages: Storages,
}

enum Storages {
    /// Each in a file within the file.
    Embedded(BTreeMap<Id, Storage>),
    /// After the pickle, by key.
    Legacy(BTreeMap<String, Storage>),
    /// In entries of a zip file below this folder.
    Zip(Archive, String),
}

impl Contents {
    /// A bare pickle.
    pub fn read_pickle(source: &mut Source<'_>) -> Result<Self, ModelError> {
        let span = source.span();
        let Pickle { heap, root, .. } = pickle::read(source, span)?;
        Ok(Self { heap, root, storages: Storages::Embedded(BTreeMap::new()) })
    }

    /// A file of `torch.save` since version 1.6.
    pub fn read_zip(source: &mut Source<'_>) -> Result<Self, ModelError> {
        let archive = Archive::read(source)?;
        let folder_with = |file| archive.names().find_map(|name| name.strip_suffix(file));
        if folder_with("constants.pkl").is_some() {
            return Err(ModelError::unsupported(
                "a TorchScript program",
                "open the checkpoint that it was made from",
            ));
        }
        let folder = folder_with("data.pkl").map(str::to_owned).ok_or_else(|| {
            ModelError::unsupported(
                "a zip file without a checkpoint of torch's",
                "unpack it, and open what is inside",
            )
        })?;
        if folder_with("byteorder").is_some() {
            let span = archive.find(source, &format!("{folder}byteorder"))?;
            expect_little_endian(source.bytes(span, 16)? == b"little")?;
        }
        let span = archive.find(source, &format!("{folder}data.pkl"))?;
        let Pickle { heap, root, .. } = pickle::read(source, span)?;
        Ok(Self { heap, root, storages: Storages::Zip(archive, folder) })
    }

    /// A file of `torch.save` before version 1.6: pickles of a magic number, a version, facts of the
    /// machine, the contents and the storages' keys; then the storages, each after its length.
    pub fn read_legacy(source: &mut Source<'_>, span: Span) -> Result<Self, ModelError> {
        let mut rest = span;
        let mut next = |source: &mut Source<'_>| {
            let pickle = pickle::read(source, rest)?;
            rest.start = pickle.end;
            Ok::<_, ModelError>(pickle)
        };
        let magic = next(source)?;
        if !matches!(magic.heap.get(magic.root), Value::Long(bytes) if **bytes == LEGACY_MAGIC) {
            return Err(ModelError::damaged("no file of torch.save"));
        }
        let version = next(source)?;
        if version.heap.int(version.root) != Some(LEGACY_VERSION) {
            return Err(ModelError::damaged("a file of an unknown version of torch.save"));
        }
        let facts = next(source)?;
        let endian = facts.heap.entry(facts.root, "little_endian")?;
        expect_little_endian(endian.is_none_or(|id| facts.heap.int(id) == Some(1)))?;
        let Pickle { heap, root, .. } = next(source)?;
        let keys = next(source)?;
        let Value::List(keys_in_order) = keys.heap.get(keys.root) else {
            return Err(ModelError::damaged("the list of storages is missing"));
        };
        let elements = elements_by_key(&heap)?;
        let mut storages = BTreeMap::new();
        let mut reader = Reader::new(source, rest);
        for &key in keys_in_order {
            let key = keys.heap.text(key).unwrap_or_default();
            let element = elements.get(key);
            let element = element.ok_or_else(|| ModelError::damaged("a storage has no type"))?;
            let num_values = reader.u64()?;
            let cut =
                || ModelError::damaged(format!("storage `{}` ends too early", printable(key)));
            let len = num_values.checked_mul(element.len()).ok_or_else(cut)?;
            let storage = Storage::new(*element, num_values, reader.skip(len)?)?;
            storages.insert(key.to_owned(), storage);
        }
        Ok(Self { heap, root, storages: Storages::Legacy(storages) })
    }

    /// The tensor `id`, or `None` where it is something else.
    pub fn view(&mut self, source: &mut Source<'_>, id: Id) -> Result<Option<View>, ModelError> {
        let Some((callee, args)) = call(&self.heap, id) else { return Ok(None) };
        let (callee, args) = match (callee, args) {
            (Global::RebuildParameter, [tensor, ..]) => match call(&self.heap, *tensor) {
                Some(call) => call,
                None => return Ok(None),
            },
            call => call,
        };
        let (Global::RebuildTensor, &[storage, offset, shape, strides, ..]) = (callee, args) else {
            return Ok(None);
        };
        let broken = || ModelError::damaged("a tensor whose sizes are no numbers");
        let size = |id| self.heap.int(id).and_then(|size| u64::try_from(size).ok());
        let sizes =
            |id| self.heap.tuple(id)?.iter().map(|id| size(*id)).collect::<Option<Vec<_>>>();
        let offset = size(offset).ok_or_else(broken)?;
        let shape = sizes(shape).ok_or_else(broken)?;
        let strides = sizes(strides).ok_or_else(broken)?;
        View::new(self.storage(source, storage)?, offset, &shape, &strides).map(Some)
    }

    fn storage(&mut self, source: &mut Source<'_>, id: Id) -> Result<Storage, ModelError> {
        let missing = || ModelError::damaged("a tensor without a storage");
        if let Some((Global::LoadFromBytes, &[bytes])) = call(&self.heap, id) {
            let (Value::Bytes(span), Storages::Embedded(known)) =
                (self.heap.get(bytes), &mut self.storages)
            else {
                return Err(missing());
            };
            if let Some(storage) = known.get(&bytes) {
                return Ok(*storage);
            }
            let storage = embedded_storage(source, *span)?;
            known.insert(bytes, storage);
            return Ok(storage);
        }
        let name = StorageName::read(&self.heap, id)?.ok_or_else(missing)?;
        match &self.storages {
            Storages::Embedded(_) => Err(missing()),
            Storages::Legacy(storages) => storages.get(name.key).copied().ok_or_else(missing),
            Storages::Zip(archive, folder) => {
                let span = archive.find(source, &format!("{folder}data/{}", name.key))?;
                Storage::new(name.element, name.num_values, span)
            }
        }
    }
}

/// The storage that is all of a file within the file.
fn embedded_storage(source: &mut Source<'_>, span: Span) -> Result<Storage, ModelError> {
    let contents = Contents::read_legacy(source, span)?;
    let name = StorageName::read(&contents.heap, contents.root)?;
    let storage = name.and_then(|name| match &contents.storages {
        Storages::Legacy(storages) => storages.get(name.key).copied(),
        _ => None,
    });
    storage.ok_or_else(|| ModelError::damaged("a tensor without a storage"))
}

/// How a pickle names a storage outside of it.
struct StorageName<'h> {
    key: &'h str,
    element: Element,
    num_values: u64,
}

impl<'h> StorageName<'h> {
    /// `('storage', type, key, device, number of values, …)`; `None` where it is something else.
    fn read(heap: &'h Heap, id: Id) -> Result<Option<Self>, ModelError> {
        let &Value::Persistent(name) = heap.get(id) else { return Ok(None) };
        let Some(&[kind, element, key, _, num_values, ref rest @ ..]) = heap.tuple(name) else {
            return Ok(None);
        };
        if rest.iter().any(|id| !matches!(heap.get(*id), Value::None)) {
            return Err(ModelError::unsupported(
                "a checkpoint with shared storages, as torch wrote them before 0.4",
                "save it again with a newer torch",
            ));
        }
        let (Some("storage"), &Value::Global(Global::Storage(element))) =
            (heap.text(kind), heap.get(element))
        else {
            return Ok(None);
        };
        let num_values = heap.int(num_values).and_then(|num| u64::try_from(num).ok());
        Ok(heap.text(key).zip(num_values).map(|(key, num_values)| Self {
            key,
            element,
            num_values,
        }))
    }
}

/// The types of all storages that the pickle names.
fn elements_by_key(heap: &Heap) -> Result<BTreeMap<&str, Element>, ModelError> {
    let names = heap.ids().filter_map(|id| StorageName::read(heap, id).transpose());
    names.map(|name| name.map(|name| (name.key, name.element))).collect()
}

/// What a value would call, and with what.
fn call(heap: &Heap, id: Id) -> Option<(Global, &[Id])> {
    let object = heap.object(id)?;
    Some((object.callee, heap.tuple(object.args)?))
}

fn expect_little_endian(is: bool) -> Result<(), ModelError> {
    if is {
        return Ok(());
    }
    Err(ModelError::unsupported("a checkpoint of a big-endian machine", "save it again on another"))
}
