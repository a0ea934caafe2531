#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]
use candle_core::Tensor;
use lumawire_models::stylegan2::{Config, Generator, Noise, Path};
fn main() {
    let filter = std::env::args().nth(1);
    let threads = std::env::args().nth(2).and_then(|t| t.parse().ok()).unwrap_or(2);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for (r, b, m) in [(256, 16384, 512), (256, 8192, 256), (256, 4096, 128), (512, 4096, 64), (512, 16384, 512)] {
        if filter.as_ref().is_some_and(|f| *f != format!("{r},{b},{m}") && f != "all") { continue }
        pool.install(|| {
            let g = Generator::stand_in(Config::new(r, b, m), 0).unwrap();
            let ws = (Tensor::randn(0f32, 1.0, (1, g.config().num_ws(), 512), g.device()).unwrap() * 0.1).unwrap();
            for path in [Path::Direct, Path::Fast] {
                let mut times = vec![];
                for _ in 0..12 {
                    let t = std::time::Instant::now();
                    g.synthesize_by(path, &ws, &Noise::default(), |_| ()).unwrap();
                    times.push(t.elapsed().as_secs_f64() * 1e3);
                }
                times.sort_by(f64::total_cmp);
                println!("{r} {b} {m} {path:?}: min {:.1} med {:.1}", times[0], times[6]);
            }
        });
    }
}
