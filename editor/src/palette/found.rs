//! What the palette lists: kinds by what was typed, or favourites, those used last, and all.

use lumawire_core::{NodeSpec, Registry};

use super::kept::Kept;
use super::landing::{Ease, Landing, WireDrop};
use crate::fuzzy::{Field, Query};

/// The categories in the order in which a signal passes them.
const ORDER: &[&str] = &[
    "source", "analysis", "control", "map", "latent", "generate", "bend", "rewrite", "noise",
    "draw", "post", "output",
];

/// A kind in the list.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub spec: &'static NodeSpec,
    /// Characters of its label that were typed.
    pub marks: Vec<usize>,
    /// Where the dropped wire ends.
    pub landing: Option<Landing>,
    /// The heading above it.
    pub head: Option<&'static str>,
}

/// What the list is made from.
pub(super) struct Filter<'a> {
    pub query: &'a str,
    pub category: Option<&'static str>,
    pub drop: Option<&'a WireDrop>,
    /// The description of the node that the dropped wire has.
    pub own: Option<&'static NodeSpec>,
}

/// The categories of a registry, in the order of the signal; others follow by name.
pub(super) fn categories(registry: &Registry) -> Vec<&'static str> {
    let mut all: Vec<&'static str> = registry.iter().map(NodeSpec::category).collect();
    all.sort_by_key(|category| (place(category), *category));
    all.dedup();
    all
}

fn place(category: &str) -> usize {
    ORDER.iter().position(|c| *c == category).unwrap_or(ORDER.len())
}

/// The kinds that fit, in the order of the list.
pub(super) fn list(filter: &Filter<'_>, registry: &Registry, kept: &Kept) -> Vec<Row> {
    let fitting: Vec<Row> = registry.iter().filter_map(|spec| filter.row(spec)).collect();
    let query = Query::new(filter.query);
    if query.is_empty() {
        by_section(fitting, kept, filter)
    } else {
        by_rank(fitting, &query, kept)
    }
}

impl Row {
    /// Whether the wire fits no port, but a parameter.
    fn steers(&self) -> bool {
        self.landing.is_some_and(|landing| landing.ease == Ease::Steers)
    }
}

impl Filter<'_> {
    fn row(&self, spec: &'static NodeSpec) -> Option<Row> {
        if self.category.is_some_and(|category| category != spec.category()) {
            return None;
        }
        let landing = match self.drop {
            Some(drop) => Some(drop.landing(spec, self.own)?),
            None => None,
        };
        Some(Row { spec, marks: Vec::new(), landing, head: None })
    }
}

fn by_rank(rows: Vec<Row>, query: &Query, kept: &Kept) -> Vec<Row> {
    let mut ranked: Vec<(i32, Row)> = rows
        .into_iter()
        .filter_map(|row| {
            let spec = row.spec;
            let mut rank = query.rank(&[
                Field::Name(spec.label),
                Field::Name(spec.stem()),
                Field::Prose(spec.category()),
                Field::Prose(spec.doc),
            ])?;
            // Among equals, what is liked comes first.
            let liked = i32::from(kept.is_favourite(spec.kind));
            Some((rank.score * 2 + liked, Row { marks: rank.marks.swap_remove(0), ..row }))
        })
        .collect();
    ranked.sort_by_key(|(score, row)| {
        (-score, row.landing.map(|l| l.ease), row.spec.label.len(), row.spec.kind)
    });
    ranked.into_iter().map(|(_, row)| row).collect()
}

fn by_section(rows: Vec<Row>, kept: &Kept, filter: &Filter<'_>) -> Vec<Row> {
    let mut all = Vec::with_capacity(rows.len() + 2 * kept.recent().len());
    if filter.category.is_none() {
        let pick = |kinds: &[String]| -> Vec<Row> {
            let find = |kind: &String| {
                rows.iter().find(|row| row.spec.kind == kind && !row.steers()).cloned()
            };
            kinds.iter().filter_map(find).collect()
        };
        push_section(&mut all, "Favourites", pick(kept.favourites()));
        push_section(&mut all, "Used last", pick(kept.recent()));
    }
    let mut rest = rows;
    rest.sort_by_key(|row| {
        (row.steers(), place(row.spec.category()), row.spec.category(), row.spec.label)
    });
    let mut last = None;
    for mut row in rest {
        let section = if row.steers() { "Steer a parameter of" } else { row.spec.category() };
        row.head = (last != Some(section)).then_some(section);
        last = Some(section);
        all.push(row);
    }
    all
}

fn push_section(all: &mut Vec<Row>, head: &'static str, mut rows: Vec<Row>) {
    if let Some(first) = rows.first_mut() {
        first.head = Some(head);
    }
    all.append(&mut rows);
}
