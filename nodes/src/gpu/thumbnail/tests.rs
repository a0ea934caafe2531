use std::time::Duration;

use super::super::convert::srgb_from_linear;
use super::super::picture::texture_from_host;
use super::super::testing::{gpu, picture, services, speckle, values};
use super::*;

/// Looks, a millisecond apart: more than a device takes. A test that hangs fails.
const MAX_LOOKS: u32 = 60_000;
const MAX_PX: u32 = 192;

fn await_one(thumbnails: &mut GpuThumbnails) -> (usize, Arc<HostImage>) {
    for _ in 0..MAX_LOOKS {
        if let Some(found) = thumbnails.take() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no thumbnail comes");
}

fn on_device(gpu: &Arc<Gpu>, image: &Image) -> Image {
    texture_from_host(gpu, &image.host().unwrap(), image.encoding).unwrap().into_image()
}

/// A thumbnail in memory and one on the device.
fn both(image: &Image) -> [Arc<HostImage>; 2] {
    let mut thumbnails = GpuThumbnails::new(&services(), MAX_PX);
    [image.clone(), on_device(&gpu(), image)].map(|image| {
        thumbnails.ask(7, &image);
        let (key, thumbnail) = await_one(&mut thumbnails);
        assert_eq!(key, 7);
        thumbnail
    })
}

fn codes(image: &HostImage) -> &[u8] {
    let Pixels::Rgba8(codes) = &image.pixels else { panic!("8 bits") };
    codes
}

/// The means of squares of `ratio`, premultiplied, in double precision, as codes.
fn means(image: &Image, ratio: usize) -> Vec<f64> {
    let texels = values(image);
    let (width, height) = (image.width_px as usize, image.height_px as usize);
    let mut means = Vec::new();
    for y in 0..height / ratio {
        for x in 0..width / ratio {
            let mut sum = [0.0_f64; 4];
            for (j, i) in (0..ratio).flat_map(|j| (0..ratio).map(move |i| (j, i))) {
                let at = 4 * ((y * ratio + j) * width + x * ratio + i);
                let texel = [0, 1, 2, 3].map(|c| f64::from(texels[at + c]));
                for c in 0..3 {
                    sum[c] += texel[c] * texel[3];
                }
                sum[3] += texel[3];
            }
            let code = |v: f64| 255.0 * f64::from(srgb_from_linear((v / sum[3]).min(1.0) as f32));
            means.extend([code(sum[0]), code(sum[1]), code(sum[2])]);
            means.push(255.0 * sum[3] / (ratio * ratio) as f64);
        }
    }
    means
}

fn assert_codes(found: &[u8], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*found) - expected).abs();
        assert!(error <= 1.0, "{what}, value {i}: {found} for {expected}");
    }
}

#[test]
fn a_pixel_is_the_mean_of_what_it_covers() {
    let (width, height) = (4 * MAX_PX, 200);
    let gradient = picture(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        [x, y, (x * y * 40.0).sin().abs(), 1.0]
    });
    for image in [gradient, speckle(width, height)] {
        for (thumbnail, home) in both(&image).iter().zip(["memory", "device"]) {
            assert_eq!((thumbnail.width_px, thumbnail.height_px), (MAX_PX, 50));
            assert_codes(codes(thumbnail), &means(&image, 4), home);
        }
    }
}

#[test]
fn what_is_transparent_lends_no_colour() {
    // Opaque red beside transparent green.
    let image = picture(2 * MAX_PX, 2, |x, _| match x % 2 {
        0 => [1.0, 0.0, 0.0, 1.0],
        _ => [0.0, 1.0, 0.0, 0.0],
    });
    for thumbnail in both(&image) {
        assert_eq!((thumbnail.width_px, thumbnail.height_px), (MAX_PX, 1));
        for pixel in codes(&thumbnail).chunks(4) {
            assert_eq!(pixel[..3], [255, 0, 0]);
            assert!(pixel[3].abs_diff(128) <= 1, "{pixel:?}");
        }
    }
}

#[test]
fn a_small_picture_stays_as_it_is() {
    let pixels: Vec<u8> = (0..5 * 3 * 4).map(|i| (i * 11 % 256) as u8 | 3).collect();
    let host = HostImage { width_px: 5, height_px: 3, pixels: Pixels::Rgba8(pixels.clone()) };
    for thumbnail in both(&Image::from_host(host, Encoding::Srgb)) {
        assert_eq!((thumbnail.width_px, thumbnail.height_px), (5, 3));
        let expected: Vec<f64> = pixels.iter().map(|v| f64::from(*v)).collect();
        assert_codes(codes(&thumbnail), &expected, "copy");
    }
}

#[test]
fn any_shape_is_kept_and_flat_colours_stay() {
    for (size, small) in [
        ((500, 333), (192, 128)),
        ((1_920, 1_080), (192, 108)),
        ((1, 4_000), (1, 192)),
        ((191, 193), (190, 192)),
        ((4_000, 3), (192, 1)),
    ] {
        let flat = picture(size.0, size.1, |_, _| [0.5, 0.25, 1.5, 0.5]);
        for thumbnail in both(&flat) {
            assert_eq!((thumbnail.width_px, thumbnail.height_px), small);
            let expected = [188.0, 137.0, 255.0, 127.5].repeat((small.0 * small.1) as usize);
            assert_codes(codes(&thumbnail), &expected, &format!("{size:?}"));
        }
    }
}

#[test]
fn pixels_that_do_not_fill_the_size_have_no_thumbnail() {
    for (width_px, height_px, num) in [(2, 2, 3), (0, 0, 0), (0, 5, 0), (1 << 20, 1 << 20, 4)] {
        let pixels = Pixels::Rgba8(vec![0; 4 * num]);
        let image = HostImage { width_px, height_px, pixels };
        assert_eq!(shrink_host(&image, Encoding::Srgb, MAX_PX), None);
    }
    let mut thumbnails = GpuThumbnails::new(&Services::default(), MAX_PX);
    let strange = vec![f32::NAN, f32::INFINITY, -1.0, 1.0];
    let image = HostImage { width_px: 1, height_px: 1, pixels: Pixels::RgbaF32(strange) };
    thumbnails.ask(1, &Image::from_host(image, Encoding::Linear));
    assert_eq!(codes(&await_one(&mut thumbnails).1), [0, 0, 0, 255]);
}

#[test]
fn buffers_are_used_again_and_too_many_at_once_are_left_out() {
    let gpu = gpu();
    let mut thumbnails = GpuThumbnails::new(&services(), MAX_PX);
    let image = on_device(&gpu, &speckle(300, 200));
    for round in 0..5 {
        for key in 0..2 * MAX_UNDER_WAY {
            thumbnails.ask(key, &image);
        }
        for key in 0..MAX_UNDER_WAY {
            assert_eq!(await_one(&mut thumbnails).0, key, "round {round}");
        }
        assert!(thumbnails.under_way.is_empty() && thumbnails.take().is_none());
        assert_eq!(thumbnails.idle.len(), MAX_UNDER_WAY);
    }
}

#[test]
fn a_lost_device_takes_along_what_was_under_way_and_the_next_serves() {
    let services = Services::default();
    let lost = Gpu::of(&services).unwrap();
    let mut thumbnails = GpuThumbnails::new(&services, MAX_PX);
    let image = on_device(&lost, &speckle(300, 200));
    thumbnails.ask(1, &image);
    assert_eq!(await_one(&mut thumbnails).0, 1);
    thumbnails.ask(2, &image);
    lost.device().destroy();
    let _ = lost.device().poll(wgpu::PollType::wait_indefinitely());
    assert!(thumbnails.take().is_none());
    thumbnails.ask(3, &image);
    assert!(thumbnails.take().is_none());
    let next = Gpu::of(&services).unwrap();
    assert!(!Arc::ptr_eq(&lost, &next));
    let image = on_device(&next, &speckle(300, 200));
    thumbnails.ask(4, &image);
    assert_eq!(await_one(&mut thumbnails).0, 4);
}

#[test]
fn a_slow_taker_gets_no_more_than_it_has_room_for() {
    let mut thumbnails = GpuThumbnails::new(&Services::default(), MAX_PX);
    let image = speckle(400, 300);
    for key in 0..200 {
        thumbnails.ask(key, &image);
    }
    let first = await_one(&mut thumbnails);
    assert_eq!(first.0, 0);
    let mut last = first.0;
    // What was asked for later still comes, in order.
    while last != 1_000 {
        thumbnails.ask(1_000, &image);
        let (key, thumbnail) = await_one(&mut thumbnails);
        assert!(key >= last && thumbnail.width_px == MAX_PX);
        last = key;
    }
}
