//! The stack machine.

use std::collections::BTreeMap;

use super::{Global, Heap, Id, Object, Value};
use crate::ModelError;
use crate::checkpoint::source::{Reader, Source, Span};

/// Codes in one pickle. Published networks have about 30 000. A code makes at most one value, one
/// place on the stack and one entry of the memo, some 100 bytes in all: this also bounds memory.
const MAX_CODES: usize = 1 << 19;
/// Bytes of one text: published source texts have about 40 000.
const MAX_TEXT_LEN: u64 = 4 << 20;
/// Bytes of all texts together.
const MAX_TEXTS_LEN: u64 = 32 << 20;
/// Bytes of a global's module or name.
const MAX_NAME_LEN: usize = 256;
/// The newest protocol.
const MAX_PROTOCOL: u8 = 5;

/// A pickle that was read.
pub struct Pickle {
    pub heap: Heap,
    /// What it holds.
    pub root: Id,
    /// Where the file goes on after it.
    pub end: u64,
}

/// Reads the pickle at the start of `span`.
pub fn read(source: &mut Source<'_>, span: Span) -> Result<Pickle, ModelError> {
    let mut machine = Machine {
        reader: Reader::new(source, span),
        heap: Heap::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: BTreeMap::new(),
        texts_len: 0,
    };
    for _ in 0..MAX_CODES {
        let start = machine.reader.position();
        let code = machine.reader.u8()?;
        if code == b'.' {
            let root = machine.pop()?;
            return Ok(Pickle { root, end: machine.reader.position(), heap: machine.heap });
        }
        machine.step(code).map_err(|error| match error {
            ModelError::Damaged(why) => ModelError::Damaged(format!("{why}, at byte {start}")),
            error => error,
        })?;
    }
    Err(ModelError::TooLarge(format!("a pickle of more than {MAX_CODES} codes")))
}

struct Machine<'s, 'a> {
    reader: Reader<'s, 'a>,
    heap: Heap,
    stack: Vec<Id>,
    /// Heights of the stack at the marks that are set.
    marks: Vec<usize>,
    memo: BTreeMap<u64, Id>,
    texts_len: u64,
}

impl Machine<'_, '_> {
    fn step(&mut self, code: u8) -> Result<(), ModelError> {
        match code {
            // Protocol and frames.
            0x80 => self.protocol()?,
            0x95 => {
                self.reader.u64()?;
            }
            // Stack and memo.
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.pop_or_unmark()?,
            b'1' => {
                self.pop_to_mark()?;
            }
            b'2' => self.stack.push(self.top()?),
            b'q' => self.put::<1>()?,
            b'r' => self.put::<4>()?,
            0x94 => self.store(self.memo.len() as u64)?,
            b'h' => self.fetch::<1>()?,
            b'j' => self.fetch::<4>()?,
            // Numbers.
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => {
                let value = self.reader.u8()?;
                self.push(Value::Int(value.into()));
            }
            b'M' => {
                let value = self.reader.u16()?;
                self.push(Value::Int(value.into()));
            }
            b'J' => {
                let value = i32::from_le_bytes(self.reader.array()?);
                self.push(Value::Int(value.into()));
            }
            b'G' => {
                let value = f64::from_be_bytes(self.reader.array()?);
                self.push(Value::Float(value));
            }
            0x8a => self.long()?,
            // Texts and bytes.
            b'X' => self.text::<4>()?,
            0x8c => self.text::<1>()?,
            0x8d => self.text::<8>()?,
            b'B' | b'T' => self.bytes::<4>()?,
            b'C' | b'U' => self.bytes::<1>()?,
            0x8e | 0x96 => self.bytes::<8>()?,
            // Collections. A set is a list here: nothing looks into it.
            b')' => self.push(Value::Tuple(Box::default())),
            0x85..=0x87 => self.small_tuple(code - 0x84)?,
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items.into()));
            }
            b']' | 0x8f => self.push(Value::List(Vec::new())),
            b'l' | 0x91 => {
                let items = self.pop_to_mark()?;
                self.push(Value::List(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Dict(Vec::new()));
                self.set_items(&items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            // What would be calls.
            b'c' => self.global_by_lines()?,
            0x93 => self.global_by_stack()?,
            b'R' | 0x81 => self.note_call()?,
            0x92 => {
                self.pop()?; // keyword arguments
                self.note_call()?;
            }
            b'b' => self.note_state()?,
            b'Q' => {
                let name = self.pop()?;
                self.push(Value::Persistent(name));
            }
            _ => return Err(ModelError::damaged(format!("unknown pickle code {code:#04x}"))),
        }
        Ok(())
    }

    fn protocol(&mut self) -> Result<(), ModelError> {
        match self.reader.u8()? {
            0..=MAX_PROTOCOL => Ok(()),
            protocol => Err(ModelError::unsupported(
                format!("a pickle of protocol {protocol}"),
                format!("save it with protocol {MAX_PROTOCOL} or below"),
            )),
        }
    }

    fn push(&mut self, value: Value) {
        // MAX_CODES bounds the number of values.
        let id = Id(self.heap.values.len() as u32);
        self.heap.values.push(value);
        self.stack.push(id);
    }

    /// The next number of `N` bytes, at most 8.
    fn number<const N: usize>(&mut self) -> Result<u64, ModelError> {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&self.reader.array::<N>()?);
        Ok(u64::from_le_bytes(bytes))
    }

    /// What was pushed last after the last mark.
    fn top(&self) -> Result<Id, ModelError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = self.stack.get(floor..).and_then(<[Id]>::last);
        top.copied().ok_or_else(|| ModelError::damaged("the pickle takes more than it has"))
    }

    fn pop(&mut self) -> Result<Id, ModelError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, ModelError> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        let mark = mark.ok_or_else(|| ModelError::damaged("the pickle lacks a mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn pop_or_unmark(&mut self) -> Result<(), ModelError> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    fn put<const N: usize>(&mut self) -> Result<(), ModelError> {
        let index = self.number::<N>()?;
        self.store(index)
    }

    fn store(&mut self, index: u64) -> Result<(), ModelError> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn fetch<const N: usize>(&mut self) -> Result<(), ModelError> {
        let index = self.number::<N>()?;
        let missing = || ModelError::damaged(format!("the pickle never stored value {index}"));
        self.stack.push(self.memo.get(&index).copied().ok_or_else(missing)?);
        Ok(())
    }

    fn text<const N: usize>(&mut self) -> Result<(), ModelError> {
        let len = self.number::<N>()?;
        self.texts_len = self.texts_len.saturating_add(len);
        if self.texts_len > MAX_TEXTS_LEN {
            return Err(ModelError::TooLarge("its texts".into()));
        }
        let bytes = self.reader.bytes(len, MAX_TEXT_LEN)?;
        // Python can pickle lone surrogates; no name that matters here has any.
        self.push(Value::Text(String::from_utf8_lossy(&bytes).into()));
        Ok(())
    }

    fn bytes<const N: usize>(&mut self) -> Result<(), ModelError> {
        let len = self.number::<N>()?;
        let span = self.reader.skip(len)?;
        self.push(Value::Bytes(span));
        Ok(())
    }

    fn small_tuple(&mut self, len: u8) -> Result<(), ModelError> {
        let mut items = (0..len).map(|_| self.pop()).collect::<Result<Box<[_]>, _>>()?;
        items.reverse();
        self.push(Value::Tuple(items));
        Ok(())
    }

    fn append(&mut self, items: &[Id]) -> Result<(), ModelError> {
        let top = self.top()?;
        match &mut self.heap.values[top.0 as usize] {
            Value::List(list) => list.extend(items),
            // Some lists and sets of torch's and Python's are objects; nothing looks into them.
            Value::Object(object) if object.callee == Global::Inert => {}
            _ => return Err(ModelError::damaged("the pickle appends to what is no list")),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), ModelError> {
        let top = self.top()?;
        let (pairs, rest) = items.as_chunks();
        match &mut self.heap.values[top.0 as usize] {
            Value::Dict(dict) if rest.is_empty() => {
                dict.extend(pairs.iter().map(|[key, value]| (*key, *value)));
            }
            Value::Object(object) if object.callee == Global::Inert => {}
            _ => return Err(ModelError::damaged("the pickle sets entries of no dictionary")),
        }
        Ok(())
    }

    fn global_by_lines(&mut self) -> Result<(), ModelError> {
        let module = self.line()?;
        let name = self.line()?;
        let global = Global::find(&module, &name)?;
        self.push(Value::Global(global));
        Ok(())
    }

    fn global_by_stack(&mut self) -> Result<(), ModelError> {
        let (name, module) = (self.pop()?, self.pop()?);
        let text = |id| {
            let text = self.heap.text(id).filter(|text| text.len() <= MAX_NAME_LEN);
            text.ok_or_else(|| ModelError::damaged("the pickle asks for something nameless"))
        };
        let global = Global::find(text(module)?, text(name)?)?;
        self.push(Value::Global(global));
        Ok(())
    }

    fn line(&mut self) -> Result<String, ModelError> {
        let mut line = Vec::new();
        loop {
            match self.reader.u8()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                byte if line.len() < MAX_NAME_LEN => line.push(byte),
                _ => return Err(ModelError::damaged("the pickle asks for an endless name")),
            }
        }
    }

    /// REDUCE and its kin: would call a global with a tuple of arguments.
    fn note_call(&mut self) -> Result<(), ModelError> {
        let (args, callee) = (self.pop()?, self.pop()?);
        let Value::Global(callee) = *self.heap.get(callee) else {
            return Err(ModelError::damaged("the pickle calls what is nothing to call"));
        };
        self.push(match callee {
            Global::Dictionary => Value::Dict(Vec::new()),
            callee => Value::Object(Box::new(Object { callee, args, state: None })),
        });
        Ok(())
    }

    /// BUILD: would set the state of what lies below it.
    fn note_state(&mut self) -> Result<(), ModelError> {
        let state = self.pop()?;
        let top = self.top()?;
        match &mut self.heap.values[top.0 as usize] {
            Value::Object(object) => object.state = Some(state),
            // Attributes of a dictionary, such as the `_metadata` of torch's.
            Value::Dict(_) => {}
            _ => return Err(ModelError::damaged("the pickle sets the state of plain data")),
        }
        Ok(())
    }

    fn long(&mut self) -> Result<(), ModelError> {
        let len = self.reader.u8()?;
        let bytes = self.reader.bytes(len.into(), u8::MAX.into())?;
        let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut extended = [if is_negative { 0xff } else { 0 }; 8];
        self.push(match extended.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(&bytes);
                Value::Int(i64::from_le_bytes(extended))
            }
            None => Value::Long(bytes.into()),
        });
        Ok(())
    }
}
