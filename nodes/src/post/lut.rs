//! Colours by a table.

use bytemuck::{Pod, Zeroable};
use lumawire_core::{
    Encoding, FileKind, HostImage, Image, Io, Node, NodeError, NodeSpec, Param, Pixels, Port,
    PortType, PrepareCx, Rate, Role, Services, Value,
};
use lumawire_models::file::read_bounded;

use super::cube::{self, Cube};
use crate::gpu::{Effect, Gpu, texture_from_host};

const IN_IMAGE: usize = 0;
const OUT_IMAGE: usize = 0;
const FILE: usize = 0;
const AMOUNT: usize = 1;
const SPACE: usize = 2;

/// Width of the texture that holds a one-dimensional table.
const WIDTH_1D: usize = 4_096;

/// `post.lut`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "post.lut",
    version: 1,
    label: "LUT",
    doc: "Grades a picture by a table from a .cube file, as colourists exchange them. The colour is \
          looked up by its sRGB code values (or in linear light, where the table was made for it), \
          clamped to the table's domain; between entries a three-dimensional table is interpolated \
          in the tetrahedron that holds the colour, a one-dimensional one in a straight line. What \
          comes out is of the same space. Mixed with the picture by amount in linear light; alpha \
          stays. Without a file the picture passes unchanged. No latency.",
    rate: Rate::Frame,
    role: Role::Pure,
    inputs: &[Port::required("image", PortType::Image, "The picture.")],
    outputs: &[Port::output("image", PortType::Image, "The graded picture, linear.")],
    params: &[
        Param::file("file", "Table", FileKind::Lut)
            .doc("A .cube file: up to 129 entries an axis, or 65536 of one dimension."),
        Param::float("amount", "Amount", 1.0, (0.0, 1.0)).doc("How much of the table there is."),
        Param::choice("space", "Space", &["srgb", "linear"])
            .doc("What the table's numbers mean: sRGB code values, or light."),
    ],
    build: || {
        Box::new(Lut { effect: Effect::new("post.lut", include_str!("lut.wgsl"), 2), table: None })
    },
};

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Uniforms {
    low: [f32; 4],
    high: [f32; 4],
    size: i32,
    /// Tables of one blue that lie side by side; 0 for a one-dimensional table.
    num_columns: i32,
    amount: f32,
    is_linear: u32,
}

struct Lut {
    effect: Effect<Uniforms>,
    table: Option<Table>,
}

/// A table in memory, and where the shader reads it.
struct Table {
    uniforms: Uniforms,
    host: HostImage,
    device: Image,
    services: Services,
}

impl Table {
    fn new(cube: &Cube, services: &Services) -> Result<Self, NodeError> {
        let (uniforms, host) = texels(cube);
        let device = uploaded(&host, services)?;
        Ok(Self { uniforms, host, device, services: services.clone() })
    }

    /// The table on the device, again after the device was lost.
    fn device(&mut self) -> Result<&Image, NodeError> {
        if self.device.is_lost() {
            self.device = uploaded(&self.host, &self.services)?;
        }
        Ok(&self.device)
    }
}

fn uploaded(host: &HostImage, services: &Services) -> Result<Image, NodeError> {
    let gpu = Gpu::of(services)?;
    Ok(texture_from_host(&gpu, host, Encoding::Linear)?.into_image())
}

impl Node for Lut {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.effect.prepare(cx.services)?;
        let Some(path) = cx.file(FILE) else {
            self.table = None;
            return Ok(());
        };
        let bytes = read_bounded(&path, cube::MAX_BYTES).map_err(|e| NodeError::file(&path, e))?;
        let text = String::from_utf8_lossy(&bytes);
        let cube = cube::parse(&text).map_err(|e| NodeError::file(&path, e))?;
        self.table = Some(Table::new(&cube, cx.services)?);
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let Some(image) = io.inputs.image(IN_IMAGE) else {
            io.outputs.set(OUT_IMAGE, Value::Empty);
            return Ok(());
        };
        let amount = io.params.float(AMOUNT);
        let drawn = match &mut self.table {
            Some(table) if amount > 0.0 => {
                let is_linear = u32::from(io.params.choice(SPACE) == 1);
                let uniforms = Uniforms { amount, is_linear, ..table.uniforms };
                let size = (image.width_px, image.height_px);
                self.effect.draw(&uniforms, &[image, table.device()?], size)?
            }
            _ => image.clone(),
        };
        io.outputs.set_image(OUT_IMAGE, drawn);
        Ok(())
    }
}

/// The table as a picture: each blue a square of red across and green down, the squares in rows; a
/// one-dimensional table in rows.
fn texels(cube: &Cube) -> (Uniforms, HostImage) {
    let n = cube.size;
    let num_columns = if cube.is_3d { n.isqrt().max(1) } else { 0 };
    let (width, height) = if cube.is_3d {
        (n * num_columns, n * n.div_ceil(num_columns))
    } else {
        (n.min(WIDTH_1D), n.div_ceil(WIDTH_1D))
    };
    let mut pixels = vec![0.0_f32; width * height * 4];
    for (i, colour) in cube.colours.iter().enumerate() {
        let at = if cube.is_3d {
            let (r, g, b) = (i % n, i / n % n, i / (n * n));
            (g + n * (b / num_columns)) * width + r + n * (b % num_columns)
        } else {
            i
        };
        pixels[4 * at..4 * at + 3].copy_from_slice(colour);
        pixels[4 * at + 3] = 1.0;
    }
    let padded = |v: [f32; 3]| [v[0], v[1], v[2], 0.0];
    let uniforms = Uniforms {
        low: padded(cube.low),
        high: padded(cube.high),
        size: n as i32,
        num_columns: num_columns as i32,
        amount: 1.0,
        is_linear: 0,
    };
    let image = HostImage {
        width_px: width as u32,
        height_px: height as u32,
        pixels: Pixels::RgbaF32(pixels),
    };
    (uniforms, image)
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::gpu::testing::{picture, services, values};
    use crate::gpu::{linear_from_srgb, srgb_from_linear};

    /// The picture of these code values, graded by the table.
    fn graded(cube: &str, amount: f32, codes: &[[f32; 3]]) -> Vec<[f32; 3]> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.cube"), cube).unwrap();
        let node = Harness::new(&SPEC).base_dir(dir.path()).services(&services());
        let mut node = node.param("file", "a.cube").param("amount", amount).prepare().unwrap();
        let image = picture(codes.len() as u32, 1, |x, _| {
            let [r, g, b] = codes[x as usize].map(linear_from_srgb);
            [r, g, b, 1.0]
        });
        node.input("image", Value::Image(image));
        node.tick().unwrap();
        let Value::Image(found) = node.output("image") else { panic!("no picture") };
        values(found).chunks(4).map(|p| [p[0], p[1], p[2]].map(srgb_from_linear)).collect()
    }

    /// A table of `n` entries an axis, of what `colour` makes of code values.
    fn cube(n: usize, colour: impl Fn([f32; 3]) -> [f32; 3]) -> String {
        let mut text = format!("LUT_3D_SIZE {n}\n");
        for i in 0..n * n * n {
            let at = |i: usize| i as f32 / (n - 1) as f32;
            let [r, g, b] = colour([at(i % n), at(i / n % n), at(i / (n * n))]);
            text.push_str(&format!("{r} {g} {b}\n"));
        }
        text
    }

    const CODES: [[f32; 3]; 5] =
        [[0.0; 3], [1.0; 3], [0.21, 0.68, 0.4], [0.9, 0.1, 0.33], [0.5, 0.77, 0.98]];

    fn assert_near(found: &[[f32; 3]], expected: impl Fn([f32; 3]) -> [f32; 3]) {
        for (found, code) in found.iter().zip(CODES) {
            for (found, expected) in found.iter().zip(expected(code)) {
                assert!((found - expected).abs() < 2e-3, "{code:?}: {found} {expected}");
            }
        }
    }

    /// What is linear in the colour is met exactly, whatever the size.
    #[test]
    fn a_linear_table_is_interpolated_exactly() {
        let mix = |[r, g, b]: [f32; 3]| [0.5 * r + 0.5 * g, b, 0.2 + 0.6 * r];
        for n in [2, 3, 17, 33] {
            assert_near(&graded(&cube(n, mix), 1.0, &CODES), mix);
        }
    }

    /// Tetrahedra, not cubes: along the greys the table is straight between its greys.
    #[test]
    fn between_entries_the_tetrahedron_counts() {
        // Black and white at the ends; every other corner is pink.
        let corners = |c: [f32; 3]| if c[0] == c[1] && c[1] == c[2] { c } else { [1.0, 0.0, 1.0] };
        let found = graded(&cube(2, corners), 1.0, &[[0.25; 3], [0.5; 3], [0.8, 0.5, 0.1]]);
        for (found, grey) in found.iter().zip([0.25, 0.5]) {
            assert!(found.iter().all(|v| (v - grey).abs() < 2e-3), "{found:?}");
        }
        // r > g > b: black (1 − r), red corner (r − g), yellow corner (g − b), white (b).
        let expected = [0.3 + 0.4 + 0.1, 0.1, 0.3 + 0.4 + 0.1];
        for (found, expected) in found[2].iter().zip(expected) {
            assert!((found - expected).abs() < 2e-3, "{found} {expected}");
        }
    }

    #[test]
    fn a_one_dimensional_table_is_looked_up_by_channel() {
        let n = 5_000;
        let mut text = format!("LUT_1D_SIZE {n}\n");
        for i in 0..n {
            let x = i as f32 / (n - 1) as f32;
            text.push_str(&format!("{} {} {}\n", 1.0 - x, x * x, 0.25));
        }
        assert_near(&graded(&text, 1.0, &CODES), |[r, g, _]| [1.0 - r, g * g, 0.25]);
    }

    #[test]
    fn amount_mixes_in_light_and_no_file_passes() {
        let black = cube(2, |_| [0.0; 3]);
        let found = graded(&black, 0.5, &[[1.0; 3]]);
        assert!((linear_from_srgb(found[0][0]) - 0.5).abs() < 1e-3);
        let mut node = Harness::new(&SPEC).services(&services()).prepare().unwrap();
        let image = picture(1, 1, |_, _| [0.3, 0.2, 0.1, 0.5]);
        node.input("image", Value::Image(image.clone()));
        node.tick().unwrap();
        let Value::Image(found) = node.output("image") else { panic!("no picture") };
        assert_eq!(values(found), values(&image));
    }

    #[test]
    fn a_broken_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.cube"), "LUT_3D_SIZE 2\n0 0 0\n").unwrap();
        let node = Harness::new(&SPEC).base_dir(dir.path()).services(&services());
        let error = node.param("file", "a.cube").prepare().err().unwrap().to_string();
        assert!(error.contains("a.cube") && error.contains("1 colours in place of 8"), "{error}");
    }
}
