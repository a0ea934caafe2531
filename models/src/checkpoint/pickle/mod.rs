//! Python's pickles as plain data (protocols 2 to 5; Python's `pickletools` documents each code).
//!
//! A pickle is a program for a small stack machine that may call anything in Python. Here a call is
//! no more than a note of what was asked for, and only of what [`Global`] lists: nothing is run.

mod globals;
mod machine;

use std::cell::Cell;

pub use globals::Global;
pub use machine::{Pickle, read};

use super::source::Span;
use crate::ModelError;

/// Entries that may be looked at in one file. Published networks take about 1e6; shared parts could
/// otherwise be visited over and over.
const MAX_STEPS: u64 = 1 << 26;

/// A value's place in its [`Heap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(u32);

/// What a pickle can hold. Values name each other by place, so that cycles and deep nests are as
/// cheap to drop as anything else.
#[derive(Debug)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A whole number beyond `i64`, little-endian in two's complement.
    Long(Box<[u8]>),
    Float(f64),
    Text(Box<str>),
    /// Bytes stay in the file.
    Bytes(Span),
    Tuple(Box<[Id]>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Object(Box<Object>),
    /// Something that lies elsewhere in the file, by the name that torch gave it.
    Persistent(Id),
}

/// A call that was asked for.
#[derive(Debug)]
pub struct Object {
    pub callee: Global,
    /// A tuple.
    pub args: Id,
    /// What BUILD was to set.
    pub state: Option<Id>,
}

/// All values of one pickle.
#[derive(Debug, Default)]
pub struct Heap {
    values: Vec<Value>,
    num_steps: Cell<u64>,
}

impl Heap {
    pub fn get(&self, id: Id) -> &Value {
        &self.values[id.0 as usize]
    }

    /// All values, in the order in which they were made.
    pub fn ids(&self) -> impl Iterator<Item = Id> {
        (0..self.values.len()).map(|index| Id(index as u32))
    }

    /// Counts `num` entries that are about to be looked at.
    pub fn charge(&self, num: usize) -> Result<(), ModelError> {
        self.num_steps.set(self.num_steps.get().saturating_add(1 + num as u64));
        if self.num_steps.get() > MAX_STEPS {
            return Err(ModelError::TooLarge("its parts hold each other over and over".into()));
        }
        Ok(())
    }

    pub fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn int(&self, id: Id) -> Option<i64> {
        match self.get(id) {
            Value::Int(value) => Some(*value),
            Value::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    pub fn float(&self, id: Id) -> Option<f64> {
        match self.get(id) {
            Value::Float(value) => Some(*value),
            Value::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    pub fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    pub fn object(&self, id: Id) -> Option<&Object> {
        match self.get(id) {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The entries of a dictionary; none of anything else.
    pub fn entries(&self, id: Id) -> &[(Id, Id)] {
        match self.get(id) {
            Value::Dict(entries) => entries,
            _ => &[],
        }
    }

    /// The entry `key` of a dictionary: the last one that was set.
    pub fn entry(&self, dict: Id, key: &str) -> Result<Option<Id>, ModelError> {
        let entries = self.entries(dict);
        self.charge(entries.len())?;
        Ok(entries.iter().rev().find(|(k, _)| self.text(*k) == Some(key)).map(|(_, value)| *value))
    }
}
