//! Kernels against the processor's code.

use proptest::prelude::*;

use super::super::features::{decode, from_bytes, to_bytes};
use super::super::testing::{NUMBERS, bytes, normal, rounded};
use super::*;
use crate::accelerator::Memory;
use crate::accelerator::testing::accelerator;
use crate::stylegan2::bend::{Channels, Keep};

const BORDERS: [Border; 5] =
    [Border::Zero, Border::Edge, Border::Reflect, Border::Mirror, Border::Wrap];

type Size = (usize, usize, usize);

/// Planes bent by the kernels. What is no channel stays zero.
fn by_kernels(bend: &Bend, planes: &[f32], size: Size, numbers: Numbers) -> Vec<f32> {
    let accelerator = accelerator();
    let (height, width, channels) = size;
    let x = Memory::holding(&accelerator, &to_bytes(planes, size, numbers)).unwrap();
    let num_bytes = scratch_bytes(height, width, channels, numbers);
    let scratch = Memory::new(&accelerator, num_bytes).unwrap();
    run(&*accelerator, bend, x.address(), size, numbers, scratch.address()).unwrap();
    let found = bytes(&accelerator, &x);
    for pixel in decode(&found, numbers).chunks_exact(padded(channels)) {
        assert!(pixel[channels..].iter().all(|v| *v == 0.0), "{bend:?}");
    }
    from_bytes(&found, size, numbers)
}

/// Checks that kernels do what the processor does, to about two roundings.
fn check(bend: &Bend, size: Size, numbers: Numbers) {
    let (height, width, channels) = size;
    let planes = rounded(&normal(3, height * width * channels), numbers);
    let found = by_kernels(bend, &planes, size, numbers);
    let mut expected = planes.clone();
    bend.apply(&mut expected, height, width);
    let scale = expected.iter().fold(1.0, |max: f32, v| max.max(v.abs()));
    let tolerance = scale
        * match numbers {
            Numbers::F32 | Numbers::Tf32 => 2e-6,
            Numbers::F16 => 1.0 / 1024.0,
            Numbers::Bf16 => 1.0 / 128.0,
        };
    let bent = bend.channels.indices(channels);
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = (found - expected).abs();
        let (channel, pixel) = (i / (height * width), i % (height * width));
        assert!(
            error <= tolerance,
            "{bend:?} {numbers:?} {size:?}, channel {channel}, x {}, y {}: {found} for {expected}",
            pixel % width,
            pixel / width,
        );
        assert!(error == 0.0 || bent.contains(&channel), "{bend:?} {numbers:?}: {channel}");
    }
}

fn whole(op: BendOp) -> Bend {
    Bend { layer: 0, channels: Channels::All, op, amount: 1.0 }
}

fn sizes() -> impl Strategy<Value = Size> {
    (1usize..24, 1usize..24, 1usize..40)
}

fn borders() -> impl Strategy<Value = Border> {
    prop::sample::select(BORDERS.to_vec())
}

fn ops() -> impl Strategy<Value = BendOp> {
    let small = || -2f32..2.0;
    prop_oneof![
        (small(), small(), borders()).prop_map(|(x, y, border)| BendOp::Translate { x, y, border }),
        (0.1f32..4.0, borders()).prop_map(|(factor, border)| BendOp::Zoom { factor, border }),
        (-7f32..7.0, borders()).prop_map(|(radians, border)| BendOp::Rotate { radians, border }),
        (small(), small(), borders()).prop_map(|(x, y, border)| BendOp::Shear { x, y, border }),
        (any::<bool>(), any::<bool>())
            .prop_map(|(horizontal, vertical)| BendOp::Flip { horizontal, vertical }),
        small().prop_map(|factor| BendOp::Scale { factor }),
        small().prop_map(|value| BendOp::Add { value }),
        Just(BendOp::Invert),
        (small(), prop::sample::select(vec![Keep::Value, Keep::One]))
            .prop_map(|(level, keep)| BendOp::Threshold { level, keep }),
        Just(BendOp::Ablate),
        (0f32..1.2).prop_map(|radius| BendOp::Erode { radius }),
        (0f32..1.2).prop_map(|radius| BendOp::Dilate { radius }),
        (0f32..1.2, borders()).prop_map(|(sigma, border)| BendOp::Blur { sigma, border }),
        (0f32..1.2, -2f32..2.0, borders()).prop_map(|(sigma, strength, border)| BendOp::Sharpen {
            sigma,
            strength,
            border
        }),
    ]
}

fn channels() -> impl Strategy<Value = Channels> {
    prop_oneof![
        Just(Channels::All),
        (0usize..40, 0usize..40).prop_map(|(first, len)| Channels::Range { first, len }),
        (0f32..1.0, any::<u64>()).prop_map(|(share, seed)| Channels::Share { share, seed }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn equals_the_processor_s(
        size in sizes(),
        op in ops(),
        channels in channels(),
        amount in prop_oneof![Just(1.0), -1f32..2.0],
        numbers in prop::sample::select(NUMBERS.to_vec()),
    ) {
        check(&Bend { layer: 0, channels, op, amount }, size, numbers);
    }
}

/// Every operation at every border, in a size that blocks do not divide.
#[test]
fn every_border_and_number_is_the_processor_s() {
    for numbers in NUMBERS {
        for border in BORDERS {
            for op in [
                BendOp::Translate { x: 1.3, y: -0.7, border },
                BendOp::Zoom { factor: 0.3, border },
                BendOp::Rotate { radians: 0.7, border },
                BendOp::Shear { x: 0.6, y: -0.4, border },
                BendOp::Blur { sigma: 0.1, border },
                BendOp::Sharpen { sigma: 0.2, strength: 1.5, border },
            ] {
                check(&whole(op), (21, 13, 19), numbers);
            }
        }
    }
}

/// Beyond 8 px; the widest need several launches.
#[test]
fn wide_blurs_are_the_processor_s() {
    for (height, width, channels, sigma) in
        [(33, 40, 3, 0.3), (40, 33, 3, 0.999), (17, 70, 2, 0.5), (64, 9, 1, 1.0), (90, 100, 1, 0.1)]
    {
        for border in BORDERS {
            for op in
                [BendOp::Blur { sigma, border }, BendOp::Sharpen { sigma, strength: 0.8, border }]
            {
                let size = (height, width, channels);
                NUMBERS.iter().for_each(|numbers| check(&whole(op), size, *numbers));
            }
        }
    }
}

#[test]
fn far_places_are_sampled_as_by_the_processor() {
    for border in BORDERS {
        for op in [
            BendOp::Translate { x: 3000.3, y: -2000.7, border },
            BendOp::Zoom { factor: 1.1e-6, border },
            BendOp::Zoom { factor: 1e-7, border },
            BendOp::Shear { x: 900.0, y: -900.0, border },
            BendOp::Rotate { radians: 1e6, border },
        ] {
            check(&whole(op), (31, 22, 8), Numbers::F32);
        }
    }
}

#[test]
fn masks_reach_the_last_channel() {
    let op = BendOp::Add { value: 1.0 };
    let set = Channels::Set([0, 31, 32, 1023, 2046, 2047].into());
    check(&Bend { layer: 0, channels: set, op, amount: 0.5 }, (3, 2, 2048), Numbers::F16);
    let planes = [1.0];
    let bend = whole(op);
    assert_eq!(by_kernels(&bend, &planes, (1, 1, 1), Numbers::F32), [2.0]);
    let error = run(&*accelerator(), &bend, 0, (1, 1, 2049), Numbers::F32, 0).unwrap_err();
    assert!(error.to_string().contains("2049 channels"));
}

#[test]
fn a_threshold_keeps_its_own_level() {
    for (keep, expected) in [(Keep::Value, [0.0, 0.5, 0.75]), (Keep::One, [0.0, 1.0, 1.0])] {
        let bend = whole(BendOp::Threshold { level: 0.5, keep });
        assert_eq!(by_kernels(&bend, &[0.25, 0.5, 0.75], (1, 3, 1), Numbers::F16), expected);
    }
}

#[test]
fn what_is_neutral_launches_nothing() {
    let accelerator = accelerator();
    for (op, amount) in [
        (BendOp::Scale { factor: 1.0 }, 1.0),
        (BendOp::Invert, 0.0),
        (BendOp::Invert, f32::NAN),
        (BendOp::Zoom { factor: f32::NAN, border: Border::Zero }, 1.0),
        (BendOp::Zoom { factor: 1e-9, border: Border::Zero }, 1.0),
    ] {
        let bend = Bend { layer: 0, channels: Channels::All, op, amount };
        // A kernel would fail on memory that is none.
        run(&*accelerator, &bend, 0, (4, 4, 16), Numbers::F32, 0).unwrap();
    }
}
