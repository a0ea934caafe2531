//! Every node kind, one file each. To add one: write the file, name it in its folder's `mod.rs`,
//! and list its `SPEC` below.

pub mod analysis;
pub mod bend;
pub mod control;
pub mod draw;
pub mod generate;
pub mod gpu;
mod key;
pub mod latent;
pub mod map;
pub mod noise;
pub mod output;
pub mod post;
pub mod rewrite;
pub mod source;
mod user_shader;

use lumawire_core::{NodeSpec, Registry};

pub use source::text::INTER as FONT;
pub use user_shader::{ShaderFault, interfaces};

/// All node kinds, by folder. `the_list_is_complete` fails when a file is missing here.
pub const ALL: &[&NodeSpec] = &[
    // source
    &source::audio::SPEC,
    &source::button::SPEC,
    &source::fader::SPEC,
    &source::image::SPEC,
    &source::marks::SPEC,
    &source::notes::SPEC,
    &source::tempo::SPEC,
    &source::text::SPEC,
    &source::video::SPEC,
    // analysis
    &analysis::bandwidth::SPEC,
    &analysis::beat::SPEC,
    &analysis::centroid::SPEC,
    &analysis::channel::SPEC,
    &analysis::chroma::SPEC,
    &analysis::chroma_cqt::SPEC,
    &analysis::chroma_filter::SPEC,
    &analysis::contrast::SPEC,
    &analysis::cqt::SPEC,
    &analysis::drop::SPEC,
    &analysis::filter::SPEC,
    &analysis::flatness::SPEC,
    &analysis::hpss::SPEC,
    &analysis::hpss_audio::SPEC,
    &analysis::istft::SPEC,
    &analysis::level::SPEC,
    &analysis::loudness::SPEC,
    &analysis::mel::SPEC,
    &analysis::mfcc::SPEC,
    &analysis::mix_audio::SPEC,
    &analysis::onset::SPEC,
    &analysis::pitch::SPEC,
    &analysis::rms::SPEC,
    &analysis::rolloff::SPEC,
    &analysis::sections::SPEC,
    &analysis::stft::SPEC,
    &analysis::tonnetz::SPEC,
    &analysis::tuning::SPEC,
    &analysis::zero_crossing::SPEC,
    // control
    &control::bars::SPEC,
    &control::counter::SPEC,
    &control::delay::SPEC,
    &control::envelope::SPEC,
    &control::gate::SPEC,
    &control::hold::SPEC,
    &control::lfo::SPEC,
    &control::normalise::SPEC,
    &control::percentile_clip::SPEC,
    &control::random::SPEC,
    &control::smooth::SPEC,
    // map
    &map::band::SPEC,
    &map::chroma_note::SPEC,
    &map::curve::SPEC,
    &map::math::SPEC,
    &map::mix::SPEC,
    &map::range::SPEC,
    // latent
    &latent::arithmetic::SPEC,
    &latent::bank::SPEC,
    &latent::capture::SPEC,
    &latent::chroma_mix::SPEC,
    &latent::direction::SPEC,
    &latent::grid::SPEC,
    &latent::keyframes::SPEC,
    &latent::r#loop::SPEC,
    &latent::mean::SPEC,
    &latent::mix::SPEC,
    &latent::pads::SPEC,
    &latent::pick::SPEC,
    &latent::smooth::SPEC,
    &latent::style_mix::SPEC,
    &latent::truncate::SPEC,
    &latent::walk::SPEC,
    // bend
    &bend::ablate::SPEC,
    &bend::add::SPEC,
    &bend::blur::SPEC,
    &bend::flip::SPEC,
    &bend::invert::SPEC,
    &bend::morphology::SPEC,
    &bend::rotate::SPEC,
    &bend::scale::SPEC,
    &bend::sharpen::SPEC,
    &bend::shear::SPEC,
    &bend::threshold::SPEC,
    &bend::translate::SPEC,
    &bend::zoom::SPEC,
    // draw
    &draw::particles::SPEC,
    &draw::scope::SPEC,
    &draw::spectrogram::SPEC,
    &draw::spectrum::SPEC,
    // generate
    &generate::mapping::SPEC,
    &generate::model::SPEC,
    &generate::stylegan2::SPEC,
    &generate::super_resolution::SPEC,
    // noise
    &noise::gaussian::SPEC,
    &noise::layers::SPEC,
    &noise::mask::SPEC,
    &noise::mix::SPEC,
    &noise::perlin::SPEC,
    // rewrite
    &rewrite::mix::SPEC,
    &rewrite::noise::SPEC,
    &rewrite::prune::SPEC,
    &rewrite::rotate_channels::SPEC,
    &rewrite::scale::SPEC,
    // post
    &post::aberration::SPEC,
    &post::blend::SPEC,
    &post::bloom::SPEC,
    &post::blur::SPEC,
    &post::colour::SPEC,
    &post::crop::SPEC,
    &post::crt::SPEC,
    &post::curves::SPEC,
    &post::displace::SPEC,
    &post::dither::SPEC,
    &post::edge::SPEC,
    &post::feedback::SPEC,
    &post::glitch::SPEC,
    &post::gradient_map::SPEC,
    &post::grain::SPEC,
    &post::halftone::SPEC,
    &post::isf::SPEC,
    &post::kaleidoscope::SPEC,
    &post::key::SPEC,
    &post::lens::SPEC,
    &post::levels::SPEC,
    &post::lut::SPEC,
    &post::mask::SPEC,
    &post::mirror::SPEC,
    &post::motion_blur::SPEC,
    &post::pixelate::SPEC,
    &post::polar::SPEC,
    &post::posterise::SPEC,
    &post::resize::SPEC,
    &post::scanlines::SPEC,
    &post::sharpen::SPEC,
    &post::smear::SPEC,
    &post::solarise::SPEC,
    &post::strobe_limit::SPEC,
    &post::trails::SPEC,
    &post::transform::SPEC,
    &post::tunnel::SPEC,
    &post::twirl::SPEC,
    &post::upscale::SPEC,
    &post::vignette::SPEC,
    &post::wgsl::SPEC,
    // output
    &output::osc::SPEC,
    &output::sequence::SPEC,
    &output::still::SPEC,
    &output::video::SPEC,
];

/// The registry of all node kinds.
pub fn registry() -> Registry {
    Registry::new(ALL.iter().copied())
}
