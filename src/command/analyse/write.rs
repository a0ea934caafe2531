//! The files that features are written to, one after the other as they are computed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lumawire_analysis::Rows;
use lumawire_models::file::WholeFile;

use super::array::Array;
use crate::error::CommandError;
use crate::npz::{NpzWriter, Number};

/// Bins that are brought into numpy's order at a time: a whole transpose would take the memory of
/// its rows once more.
const NUM_BINS_AT_A_TIME: usize = 16;
/// Rows with more values than this stay out of tables.
const MAX_TABLE_BINS: usize = 40;

/// The files of a run. They appear under their names with [`finish`](Self::finish).
pub struct Files {
    npz: Option<(PathBuf, NpzWriter)>,
    json: Option<(PathBuf, Json)>,
    csv: Option<(PathBuf, Table)>,
}

impl Files {
    /// Begins those that are asked for.
    pub fn create(
        npz: Option<&Path>,
        json: Option<&Path>,
        csv: Option<&Path>,
        grid: Grid,
    ) -> Result<Self, CommandError> {
        let begin_npz = |p: &Path| NpzWriter::create(p).map(|w| (p.to_owned(), w));
        let begin_json = |p: &Path| Json::create(p).map(|w| (p.to_owned(), w));
        Ok(Self {
            npz: npz.map(|p| begin_npz(p).map_err(fault(p))).transpose()?,
            json: json.map(|p| begin_json(p).map_err(fault(p))).transpose()?,
            csv: csv.map(|p| (p.to_owned(), Table { grid, columns: Vec::new() })),
        })
    }

    /// Writes an array to all of them.
    pub fn write(&mut self, name: &str, array: &Array) -> Result<(), CommandError> {
        if let Some((path, npz)) = &mut self.npz {
            write_npz(npz, name, array).map_err(fault(path))?;
        }
        if let Some((path, json)) = &mut self.json {
            json.write(name, array).map_err(fault(path))?;
        }
        if let Some((_, table)) = &mut self.csv {
            table.add(name, array);
        }
        Ok(())
    }

    /// Gives them their names, which it returns.
    pub fn finish(self) -> Result<Vec<PathBuf>, CommandError> {
        let mut written = Vec::new();
        if let Some((path, npz)) = self.npz {
            npz.finish().map_err(fault(&path))?;
            written.push(path);
        }
        if let Some((path, json)) = self.json {
            json.finish().map_err(fault(&path))?;
            written.push(path);
        }
        if let Some((path, table)) = self.csv {
            table.finish(&path).map_err(fault(&path))?;
            written.push(path);
        }
        Ok(written)
    }
}

fn fault(path: &Path) -> impl Fn(io::Error) -> CommandError {
    move |source| CommandError::Io { what: format!("writing {}", path.display()), source }
}

fn write_npz(npz: &mut NpzWriter, name: &str, array: &Array) -> io::Result<()> {
    let shape = array.shape();
    match array {
        Array::Rows(rows) => write_rows(npz, name, rows),
        Array::Complex(rows) => write_rows(npz, name, rows),
        Array::Reals(values) => npz.begin::<f32>(name, &shape).and_then(|()| npz.write(values)),
        Array::Integers(values) => npz.begin::<i64>(name, &shape).and_then(|()| npz.write(values)),
        Array::Real(v) => npz.begin::<f32>(name, &shape).and_then(|()| npz.write(&[*v])),
        Array::Integer(v) => npz.begin::<i64>(name, &shape).and_then(|()| npz.write(&[*v])),
    }
}

/// Writes rows as numpy's `[bins, frames]`.
fn write_rows<T>(npz: &mut NpzWriter, name: &str, rows: &Rows<T>) -> io::Result<()>
where
    T: Number + Default + Send + Sync,
{
    npz.begin::<T>(name, &[rows.num_bins(), rows.num_frames()])?;
    for first in (0..rows.num_bins()).step_by(NUM_BINS_AT_A_TIME) {
        let bins = first..rows.num_bins().min(first + NUM_BINS_AT_A_TIME);
        let mut block = vec![T::default(); bins.len() * rows.num_frames()];
        for (frame, row) in rows.iter().enumerate() {
            for (bin, v) in row[bins.clone()].iter().enumerate() {
                block[bin * rows.num_frames() + frame] = *v;
            }
        }
        npz.write(&block)?;
    }
    Ok(())
}

/// An object of nested lists, as numpy's `tolist` gives them; complex numbers are pairs.
struct Json {
    out: WholeFile,
    is_first: bool,
}

impl Json {
    fn create(path: &Path) -> io::Result<Self> {
        let mut out = WholeFile::create(path)?;
        out.write_all(b"{")?;
        Ok(Self { out, is_first: true })
    }

    fn write(&mut self, name: &str, array: &Array) -> io::Result<()> {
        let comma = if std::mem::take(&mut self.is_first) { "" } else { "," };
        write!(self.out, "{comma}\n\"{name}\": ")?;
        match array {
            Array::Rows(rows) => self.list(0..rows.num_bins(), |json, bin| {
                json.list(rows.iter(), |json, row| json.real(row[bin]))
            }),
            Array::Complex(rows) => self.list(0..rows.num_bins(), |json, bin| {
                json.list(rows.iter(), |json, row| {
                    json.list([row[bin].re, row[bin].im], Self::real)
                })
            }),
            Array::Reals(values) => self.list(values.iter(), |json, v| json.real(*v)),
            Array::Integers(values) => self.list(values.iter(), |json, v| write!(json.out, "{v}")),
            Array::Real(v) => self.real(*v),
            Array::Integer(v) => write!(self.out, "{v}"),
        }
    }

    fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> io::Result<()>,
    ) -> io::Result<()> {
        self.out.write_all(b"[")?;
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.out.write_all(b",")?;
            }
            write(self, item)?;
        }
        self.out.write_all(b"]")
    }

    /// The shortest text that reads back as the same number; what is none is null.
    fn real(&mut self, v: f32) -> io::Result<()> {
        if v.is_finite() { write!(self.out, "{v}") } else { self.out.write_all(b"null") }
    }

    fn finish(mut self) -> io::Result<()> {
        self.out.write_all(b"\n}\n")?;
        self.out.finish()
    }
}

/// The frames of a table.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// How many there are.
    pub num_frames: usize,
    /// From one to the next.
    pub hop_secs: f64,
}

/// A line a frame: its time and what the features say of it. What has no value for each frame, or
/// more than [`MAX_TABLE_BINS`], stays out; frame numbers become a column of 0 and 1.
struct Table {
    grid: Grid,
    columns: Vec<(String, Column)>,
}

enum Column {
    /// Value `bin` of each row.
    Bin(Array, usize),
    /// 1 at these frames.
    Frames(Vec<i64>),
}

impl Table {
    fn add(&mut self, name: &str, array: &Array) {
        let has_all = array.shape().last() == Some(&self.grid.num_frames);
        match array {
            Array::Rows(rows) if has_all && rows.num_bins() <= MAX_TABLE_BINS => {
                for bin in 0..rows.num_bins() {
                    let alone = rows.num_bins() == 1;
                    let name = if alone { name.into() } else { format!("{name}_{bin}") };
                    self.columns.push((name, Column::Bin(array.clone(), bin)));
                }
            }
            Array::Reals(_) if has_all => {
                self.columns.push((name.into(), Column::Bin(array.clone(), 0)))
            }
            Array::Integers(frames) if name.ends_with("_frames") => {
                self.columns.push((name.into(), Column::Frames(frames.clone())));
            }
            _ => {}
        }
    }

    fn finish(self, path: &Path) -> io::Result<()> {
        let mut out = WholeFile::create(path)?;
        let names: String = self.columns.iter().map(|(name, _)| format!(",{name}")).collect();
        writeln!(out, "time_secs{names}")?;
        for frame in 0..self.grid.num_frames {
            write!(out, "{:.6}", frame as f64 * self.grid.hop_secs)?;
            for (_, column) in &self.columns {
                match column.at(frame) {
                    Some(v) if v.is_finite() => write!(out, ",{v}")?,
                    _ => write!(out, ",")?,
                }
            }
            writeln!(out)?;
        }
        out.finish()
    }
}

impl Column {
    fn at(&self, frame: usize) -> Option<f32> {
        match self {
            Self::Bin(Array::Rows(rows), bin) => rows.row(frame).get(*bin).copied(),
            Self::Bin(Array::Reals(values), _) => values.get(frame).copied(),
            Self::Bin(..) => None,
            Self::Frames(frames) => {
                Some(if frames.binary_search(&(frame as i64)).is_ok() { 1.0 } else { 0.0 })
            }
        }
    }
}
