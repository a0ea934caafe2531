//! Undo and redo.

use super::{Cost, Edit, EditError, Graph};
use crate::spec::Registry;

/// The edits of a document that can be taken back. All edits must go through it.
#[derive(Debug, Clone, Default)]
pub struct History {
    undo: Vec<Entry>,
    redo: Vec<Entry>,
    mark: u64,
    last_mark: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    label: String,
    edit: Edit,
    coalesce: Option<u64>,
    /// Of the state to which it leads.
    mark: u64,
}

impl History {
    /// Makes an edit and remembers its inverse under `label`. Successive edits of the same value
    /// with the same `coalesce` key (one a drag of the mouse) are taken back as one.
    pub fn apply(
        &mut self,
        graph: &mut Graph,
        registry: &Registry,
        edit: Edit,
        label: impl Into<String>,
        coalesce: Option<u64>,
    ) -> Result<Cost, EditError> {
        let applied = graph.apply(edit, registry)?;
        let continues = self.redo.is_empty()
            && coalesce.is_some()
            && self.undo.last().is_some_and(|last| {
                last.coalesce == coalesce && same_value(&last.edit, &applied.inverse)
            });
        self.redo.clear();
        if !continues {
            let (label, edit, mark) = (label.into(), applied.inverse, self.mark);
            self.undo.push(Entry { label, edit, coalesce, mark });
        }
        self.last_mark += 1;
        self.mark = self.last_mark;
        Ok(applied.cost)
    }

    /// Takes back the last edit and says what that costs; `None` where there is none.
    pub fn undo(
        &mut self,
        graph: &mut Graph,
        registry: &Registry,
    ) -> Result<Option<Cost>, EditError> {
        step(&mut self.undo, &mut self.redo, &mut self.mark, graph, registry)
    }

    /// Makes again what was last taken back; `None` where there is none.
    pub fn redo(
        &mut self,
        graph: &mut Graph,
        registry: &Registry,
    ) -> Result<Option<Cost>, EditError> {
        step(&mut self.redo, &mut self.undo, &mut self.mark, graph, registry)
    }

    /// Number of the state in which the document is: 0 at first, another after each edit, and the
    /// same again where undo or redo leads back. Equal marks mean equal documents, so whoever
    /// remembers the mark of a save knows whether there is anything to save.
    pub fn mark(&self) -> u64 {
        self.mark
    }

    /// Name of the edit that `undo` would take back.
    pub fn undo_label(&self) -> Option<&str> {
        self.undo.last().map(|entry| entry.label.as_str())
    }

    /// Name of the edit that `redo` would make again.
    pub fn redo_label(&self) -> Option<&str> {
        self.redo.last().map(|entry| entry.label.as_str())
    }
}

fn step(
    from: &mut Vec<Entry>,
    to: &mut Vec<Entry>,
    mark: &mut u64,
    graph: &mut Graph,
    registry: &Registry,
) -> Result<Option<Cost>, EditError> {
    let Some(entry) = from.last() else { return Ok(None) };
    let applied = graph.apply(entry.edit.clone(), registry)?;
    if let Some(entry) = from.pop() {
        // A finished gesture never continues after it was taken back.
        let came_from = std::mem::replace(mark, entry.mark);
        to.push(Entry { edit: applied.inverse, coalesce: None, mark: came_from, ..entry });
    }
    Ok(Some(applied.cost))
}

/// Whether two edits set the same thing, so that the earlier's inverse takes back both.
fn same_value(a: &Edit, b: &Edit) -> bool {
    match (a, b) {
        (Edit::SetParam { node: a, param: pa, .. }, Edit::SetParam { node: b, param: pb, .. }) => {
            (a, pa) == (b, pb)
        }
        (Edit::SetDepth { ends: a, .. }, Edit::SetDepth { ends: b, .. })
        | (Edit::SetBends { ends: a, .. }, Edit::SetBends { ends: b, .. }) => a == b,
        (Edit::Move { node: a, .. }, Edit::Move { node: b, .. })
        | (Edit::SetLabel { node: a, .. }, Edit::SetLabel { node: b, .. })
        | (Edit::SetFrame { id: a, .. }, Edit::SetFrame { id: b, .. })
        | (Edit::SetGroup { id: a, .. }, Edit::SetGroup { id: b, .. }) => a == b,
        (Edit::SetAbout(_), Edit::SetAbout(_)) | (Edit::SetSeed(_), Edit::SetSeed(_)) => true,
        (Edit::Batch(a), Edit::Batch(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
        }
        _ => false,
    }
}
