//! What the addresses are worth now.

use std::sync::Arc;

use lumawire_core::control::BindingMode;
use lumawire_core::plan::Plan;
use lumawire_core::{Domain, ParamValue};
use rosc::OscType;

use crate::control::osc::feedback::told_as;
use crate::control::osc::space::{Action, Method, Space};
use crate::control::osc::value;
use crate::control::{Board, Reading};

/// The board at one moment.
#[derive(Default)]
pub(super) struct Values {
    plan: Option<Arc<Plan>>,
    readings: Vec<Vec<Reading>>,
    cue: Option<String>,
}

impl Values {
    pub fn read(board: &Board) -> Self {
        let mut values = Self::default();
        values.update(board);
        values
    }

    pub fn update(&mut self, board: &Board) {
        self.plan = board.read_into(&mut self.readings);
        self.cue = board.cue();
    }

    /// What a method's address is worth, where it has a value that can be known.
    pub fn of(&self, space: &Space, method: &Method) -> Option<OscType> {
        method.actions.iter().find_map(|action| match action {
            Action::Set(place) => self.of_place(space, *place, None),
            Action::Alias(alias) if alias.mode == BindingMode::Follow => {
                self.of_place(space, alias.place, alias.range)
            }
            Action::CurrentCue => Some(OscType::String(self.cue.clone().unwrap_or_default())),
            _ => None,
        })
    }

    fn of_place(&self, space: &Space, i: usize, range: Option<[f64; 2]>) -> Option<OscType> {
        let place = space.places.get(i)?;
        // Nobody shows what a text has become.
        if matches!(place.param.domain, Domain::Text { .. }) && place.param.is_steerable() {
            return None;
        }
        let is_current = self.plan.as_ref().is_some_and(|plan| Arc::ptr_eq(plan, &space.plan));
        let reading = || self.readings.get(place.at.0)?.get(place.at.1)?.base;
        match is_current.then(reading).flatten() {
            Some(v) => told_as(place, v, range),
            None => match (range, place.patch_value.as_f64(), &place.patch_value) {
                (Some(_), Some(v), _) => told_as(place, v, range),
                (_, _, ParamValue::File(file)) => Some(OscType::String(file.path.clone())),
                (_, _, value) => value::told(place.param, value),
            },
        }
    }
}
