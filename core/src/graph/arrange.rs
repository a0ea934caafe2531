//! Edits of the canvas. They cost the engine nothing.

use super::edit::{Outcome, done, replace};
use super::{Cost, Edit, EditError, Frame, Graph, Group, WireEnds, canvas::MAX_NESTING, is_id};

impl Graph {
    pub(super) fn set_frame(&mut self, id: String, frame: Option<Frame>) -> Outcome {
        if !is_id(&id) {
            return Err(EditError::BadId(id));
        }
        if let Some(frame) = &frame {
            check_finite(&frame.rect, || format!("the place of frame `{id}`"))?;
        }
        let old = replace(&mut self.canvas.frames, &id, frame);
        done(Cost::View, Edit::SetFrame { id, frame: old })
    }

    pub(super) fn set_collapsed(&mut self, node: String, collapsed: bool) -> Outcome {
        self.check_node(&node)?;
        let all = &mut self.canvas.collapsed;
        let old = if collapsed { !all.insert(node.clone()) } else { all.remove(&node) };
        done(Cost::View, Edit::SetCollapsed { node, collapsed: old })
    }

    pub(super) fn set_bends(&mut self, ends: WireEnds, points: Vec<[f32; 2]>) -> Outcome {
        if !self.by_ends.contains_key(&ends) {
            return Err(EditError::NoSuchWire(ends.to_string()));
        }
        check_finite(points.as_flattened(), || format!("the bends of `{ends}`"))?;
        let old = if points.is_empty() {
            self.canvas.bends.remove(&ends)
        } else {
            self.canvas.bends.insert(ends.clone(), points)
        };
        done(Cost::View, Edit::SetBends { ends, points: old.unwrap_or_default() })
    }

    pub(super) fn set_group(&mut self, id: String, group: Option<Group>) -> Outcome {
        let Some(group) = group else { return self.remove_group(id) };
        self.check_group(&id, &group)?;
        let old = self.canvas.groups.insert(id.clone(), group);
        done(Cost::View, Edit::SetGroup { id, group: old })
    }

    /// Removes a group; what lies in it moves to its parent.
    fn remove_group(&mut self, id: String) -> Outcome {
        let Some(old) = self.canvas.groups.remove(&id) else {
            return done(Cost::View, Edit::SetGroup { id, group: None });
        };
        let parent = old.parent.clone();
        let members: Vec<String> = self.members(&id).map(String::from).collect();
        let mut inverse = vec![Edit::SetGroup { id: id.clone(), group: Some(old) }];
        for node in members {
            replace(&mut self.canvas.members, &node, parent.clone());
            inverse.push(Edit::SetMember { node, group: Some(id.clone()) });
        }
        for (child, group) in &mut self.canvas.groups {
            if group.parent.as_ref() == Some(&id) {
                inverse.push(Edit::SetGroup { id: child.clone(), group: Some(group.clone()) });
                group.parent.clone_from(&parent);
            }
        }
        done(Cost::View, super::edit::one_or_batch(inverse))
    }

    pub(super) fn set_member(&mut self, node: String, group: Option<String>) -> Outcome {
        self.check_node(&node)?;
        if let Some(group) = group.as_ref().filter(|g| !self.canvas.groups.contains_key(*g)) {
            return Err(EditError::NoSuchGroup(group.clone()));
        }
        let old = replace(&mut self.canvas.members, &node, group);
        done(Cost::View, Edit::SetMember { node, group: old })
    }

    fn check_group(&self, id: &str, group: &Group) -> Result<(), EditError> {
        if !is_id(id) {
            return Err(EditError::BadId(id.to_owned()));
        }
        check_finite(&group.at, || format!("the place of group `{id}`"))?;
        for target in &group.promoted {
            match target.split_once('.').filter(|(node, param)| is_id(node) && is_id(param)) {
                Some((node, _)) => self.check_node(node)?,
                None => return Err(EditError::BadId(target.clone())),
            }
        }
        group.parent.as_deref().map_or(Ok(()), |parent| self.check_parent(id, parent))
    }

    fn check_parent(&self, id: &str, parent: &str) -> Result<(), EditError> {
        let old = self.group(id);
        if old.is_some_and(|old| old.parent.as_deref() == Some(parent)) {
            return Ok(());
        }
        let path = self.path_of(parent);
        if parent == id || path.contains(&id) {
            return Err(EditError::GroupInItself(id.to_owned()));
        }
        if path.is_empty() {
            return Err(EditError::NoSuchGroup(parent.to_owned()));
        }
        // Groups from `id` down to the deepest that lies in it.
        let height_in = |path: &[&str]| path.iter().position(|g| *g == id).map(|i| path.len() - i);
        let height = match old {
            Some(_) => self.groups().filter_map(|(g, _)| height_in(&self.path_of(g))).max(),
            None => None,
        };
        if path.len() + height.unwrap_or(1) > MAX_NESTING {
            return Err(EditError::TooDeep(id.to_owned()));
        }
        Ok(())
    }

    /// Takes a node off the canvas, and gives what puts it there again.
    pub(super) fn take_off_canvas(&mut self, id: &str) -> Vec<Edit> {
        let mut restore = Vec::new();
        if self.canvas.collapsed.remove(id) {
            restore.push(Edit::SetCollapsed { node: id.to_owned(), collapsed: true });
        }
        if let Some(group) = self.canvas.members.remove(id) {
            restore.push(Edit::SetMember { node: id.to_owned(), group: Some(group) });
        }
        for (group_id, group) in &mut self.canvas.groups {
            if group.promoted.iter().any(|target| is_of(target, id)) {
                restore.push(Edit::SetGroup { id: group_id.clone(), group: Some(group.clone()) });
                group.promoted.retain(|target| !is_of(target, id));
            }
        }
        restore
    }

    /// Forgets the bends of a wire that is gone, and gives what brings them back.
    pub(super) fn take_bends(&mut self, ends: &WireEnds) -> Option<Edit> {
        let points = self.canvas.bends.remove(ends)?;
        Some(Edit::SetBends { ends: ends.clone(), points })
    }

    /// Lets the canvas follow a node to its new id; its wires' bends apart.
    pub(super) fn rename_on_canvas(&mut self, id: &str, to: &str) {
        if self.canvas.collapsed.remove(id) {
            self.canvas.collapsed.insert(to.to_owned());
        }
        if let Some(group) = self.canvas.members.remove(id) {
            self.canvas.members.insert(to.to_owned(), group);
        }
        for target in self.canvas.groups.values_mut().flat_map(|group| &mut group.promoted) {
            if is_of(target, id) {
                target.replace_range(..id.len(), to);
            }
        }
    }

    fn check_node(&self, id: &str) -> Result<(), EditError> {
        if self.by_id.contains_key(id) { Ok(()) } else { Err(EditError::NoSuchNode(id.to_owned())) }
    }
}

/// Whether a target `node.param` is of this node.
fn is_of(target: &str, id: &str) -> bool {
    target.split_once('.').is_some_and(|(node, _)| node == id)
}

fn check_finite(numbers: &[f32], what: impl FnOnce() -> String) -> Result<(), EditError> {
    if numbers.iter().all(|v| v.is_finite()) { Ok(()) } else { Err(EditError::NotFinite(what())) }
}
