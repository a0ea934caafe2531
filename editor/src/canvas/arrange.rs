//! Places for nodes: from left to right as the signal flows, and in line with each other.

use std::collections::{BTreeMap, BTreeSet};

use egui::{Pos2, Vec2, pos2};
use lumawire_core::{Graph, Registry};

use super::scene::{SNAP, WIDTH, size_of, snapped};

/// Space between columns.
const ACROSS: f32 = 72.0;
/// Space between nodes of a column.
const DOWN: f32 = 24.0;
/// How often the order in the columns is improved.
const SWEEPS: usize = 8;

/// Places for all nodes. The column of a node is that after the last of those that feed it (Sugiyama,
/// Tagawa, Toda: "Methods for visual understanding of hierarchical system structures", 1981): in a
/// column nodes are ordered by the mean place of their neighbours.
pub fn places(graph: &Graph, registry: &Registry) -> BTreeMap<String, Pos2> {
    let ids: BTreeSet<&str> = graph.nodes().map(|(id, _)| id).collect();
    places_of(graph, registry, &ids)
}

/// Places for some nodes, the upper left one at the origin.
pub fn places_of(
    graph: &Graph,
    registry: &Registry,
    ids: &BTreeSet<&str>,
) -> BTreeMap<String, Pos2> {
    let columns = order(graph, columns(graph, ids));
    let size = |id: &str| {
        let spec = graph.node(id).and_then(|node| registry.of(node));
        spec.map_or(Vec2::new(WIDTH, 80.0), size_of)
    };
    let heights: Vec<f32> = columns
        .iter()
        .map(|column| column.iter().map(|id| size(id).y + DOWN).sum::<f32>() - DOWN)
        .collect();
    let tallest = heights.iter().copied().fold(0.0, f32::max);
    let mut places = BTreeMap::new();
    for (i, (column, height)) in columns.iter().zip(&heights).enumerate() {
        let mut y = (tallest - height) * 0.5;
        for id in column {
            let at = snapped(pos2(i as f32 * (WIDTH + ACROSS), y));
            places.insert((*id).to_owned(), at);
            y += size(id).y + DOWN;
        }
    }
    places
}

/// Nodes by column. A wire that closes a loop counts for nothing.
fn columns<'a>(graph: &'a Graph, ids: &BTreeSet<&'a str>) -> Vec<Vec<&'a str>> {
    let mut column: BTreeMap<&str, usize> = ids.iter().map(|id| (*id, 0)).collect();
    let wires: Vec<(&str, &str)> = graph
        .wires()
        .map(|wire| (wire.ends.from.as_str(), wire.ends.to.as_str()))
        .filter(|(a, b)| a != b && ids.contains(a) && ids.contains(b))
        .collect();
    let forward = without_loops(ids, &wires);
    for _ in 0..ids.len() {
        let mut moved = false;
        for (from, to) in &forward {
            let least = column.get(from).copied().unwrap_or(0) + 1;
            let at = column.entry(to).or_insert(0);
            if *at < least {
                *at = least;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    // What feeds something stands just before it, not at the far left.
    for (id, _) in column.clone() {
        let first = forward.iter().filter(|(from, _)| *from == id);
        let first = first.filter_map(|(_, to)| column.get(to)).min().copied();
        let is_fed = forward.iter().any(|(_, to)| *to == id);
        if let (Some(first), false) = (first, is_fed) {
            column.insert(id, first.saturating_sub(1));
        }
    }
    let mut columns = vec![Vec::new(); column.values().max().map_or(0, |last| last + 1)];
    for (id, at) in column {
        columns[at].push(id);
    }
    columns.retain(|column| !column.is_empty());
    columns
}

/// The wires without those that lead back, found by walking depth first from what nothing feeds.
fn without_loops<'a>(
    ids: &BTreeSet<&'a str>,
    wires: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut next: BTreeMap<&str, Vec<&'a str>> = BTreeMap::new();
    let mut fed = BTreeSet::new();
    for (from, to) in wires {
        next.entry(from).or_default().push(to);
        fed.insert(*to);
    }
    let mut forward = Vec::new();
    let mut done = BTreeSet::new();
    let roots = ids.iter().filter(|id| !fed.contains(*id)).chain(ids.iter());
    for root in roots {
        if !done.insert(*root) {
            continue;
        }
        let mut path: Vec<(&'a str, usize)> = vec![(root, 0)];
        let mut on_path = BTreeSet::from([*root]);
        while let Some((id, i)) = path.last_mut() {
            let Some(&to) = next.get(id).and_then(|list| list.get(*i)) else {
                on_path.remove(id);
                path.pop();
                continue;
            };
            *i += 1;
            if on_path.contains(to) {
                continue;
            }
            forward.push((*id, to));
            if done.insert(to) {
                on_path.insert(to);
                path.push((to, 0));
            }
        }
    }
    forward
}

fn order<'a>(graph: &Graph, mut columns: Vec<Vec<&'a str>>) -> Vec<Vec<&'a str>> {
    for sweep in 0..SWEEPS {
        let row: BTreeMap<&str, f32> = columns
            .iter()
            .flat_map(|column| {
                let num = column.len() as f32;
                column.iter().enumerate().map(move |(i, id)| (*id, (i as f32 + 0.5) / num))
            })
            .collect();
        let by_sources = sweep % 2 == 0;
        for column in &mut columns {
            let mean = |id: &str| {
                let others = graph.wires_of(id).filter_map(|wire| {
                    let (from, to) = (wire.ends.from.as_str(), wire.ends.to.as_str());
                    let other = if by_sources && to == id {
                        from
                    } else if !by_sources && from == id {
                        to
                    } else {
                        return None;
                    };
                    row.get(other).copied()
                });
                let (sum, num) = others.fold((0.0, 0.0), |(s, n), r| (s + r, n + 1.0));
                if num > 0.0 { sum / num } else { row.get(id).copied().unwrap_or(0.5) }
            };
            column.sort_by(|a, b| mean(a).total_cmp(&mean(b)).then_with(|| a.cmp(b)));
        }
    }
    columns
}

/// How nodes are put in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Left edges.
    Left,
    /// Upper edges.
    Top,
    /// Even spaces from left to right.
    Across,
    /// Even spaces from top to bottom.
    Down,
}

/// New upper left corners for boxes, `(corner, size)`.
pub fn line_up(boxes: &[(Pos2, Vec2)], line: Line) -> Vec<Pos2> {
    let least = |f: fn(&Pos2) -> f32| boxes.iter().map(|(p, _)| f(p)).fold(f32::INFINITY, f32::min);
    let mut corners: Vec<Pos2> = boxes.iter().map(|(corner, _)| *corner).collect();
    match line {
        Line::Left => corners.iter_mut().for_each(|c| c.x = least(|p| p.x)),
        Line::Top => corners.iter_mut().for_each(|c| c.y = least(|p| p.y)),
        Line::Across => spread(boxes, &mut corners, 0),
        Line::Down => spread(boxes, &mut corners, 1),
    }
    corners
}

/// Spreads boxes along an axis: equal gaps, or a grid step where they would overlap.
fn spread(boxes: &[(Pos2, Vec2)], corners: &mut [Pos2], axis: usize) {
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|a, b| boxes[*a].0[axis].total_cmp(&boxes[*b].0[axis]));
    let (Some(first), Some(last)) = (order.first(), order.last()) else { return };
    let start = boxes[*first].0[axis];
    let length: f32 = boxes.iter().map(|(_, size)| size[axis]).sum();
    let end = boxes[*last].0[axis] + boxes[*last].1[axis];
    let gap = (end - start - length) / (boxes.len().max(2) - 1) as f32;
    let gap = gap.max(SNAP);
    let mut at = start;
    for i in order {
        corners[i][axis] = at;
        at += boxes[i].1[axis] + gap;
    }
}

#[cfg(test)]
mod tests {
    use egui::vec2;

    use super::*;

    #[test]
    fn boxes_come_into_line() {
        let boxes = [
            (pos2(0.0, 5.0), vec2(10.0, 10.0)),
            (pos2(12.0, 0.0), vec2(10.0, 10.0)),
            (pos2(90.0, 9.0), vec2(10.0, 10.0)),
        ];
        assert!(line_up(&boxes, Line::Left).iter().all(|c| c.x == 0.0));
        assert!(line_up(&boxes, Line::Top).iter().all(|c| c.y == 0.0));
        let across: Vec<f32> = line_up(&boxes, Line::Across).iter().map(|c| c.x).collect();
        assert_eq!(across, [0.0, 45.0, 90.0]);
        // Too close to be spread: one grid step apart.
        let down: Vec<f32> = line_up(&boxes, Line::Down).iter().map(|c| c.y).collect();
        assert_eq!(down, [18.0, 0.0, 36.0]);
    }
}
