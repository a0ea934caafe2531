#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]
use candle_core::Tensor;
use lumawire_models::stylegan2::{Config, Generator, Path, Shaping};
fn main() {
    let filter = std::env::args().nth(1);
    let threads = std::env::args().nth(2).and_then(|t| t.parse().ok()).unwrap_or(2);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for (r, b, m) in
        [(256, 16384, 512), (256, 8192, 256), (256, 4096, 128), (512, 4096, 64), (512, 16384, 512)]
    {
        if filter.as_ref().is_some_and(|f| *f != format!("{r},{b},{m}") && f != "all") {
            continue;
        }
        pool.install(|| {
            let g = Generator::stand_in(Config::new(r, b, m), 0).unwrap();
            let ws = (Tensor::randn(0f32, 1.0, (1, g.config().num_ws(), 512), g.device()).unwrap()
                * 0.1)
                .unwrap();
            for path in [Path::Direct, Path::Fast] {
                let mut times = vec![];
                for _ in 0..12 {
                    let t = cpu();
                    g.synthesize_by(path, &ws, &Shaping::default()).unwrap();
                    times.push((cpu() - t) * 1e3);
                }
                times.sort_by(f64::total_cmp);
                println!("{r} {b} {m} {path:?}: min {:.1} med {:.1}", times[0], times[6]);
            }
        });
    }
}

fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    let _ = s;
    let mut sum = 0u64;
    for e in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        if let Ok(s) = std::fs::read_to_string(e.path().join("schedstat")) {
            sum += s.split_whitespace().next().unwrap().parse::<u64>().unwrap_or(0);
        }
    }
    sum as f64 * 1e-9
}
