#![allow(unsafe_code, missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]
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
            for path in if std::env::var("FAST").is_ok() {
                vec![Path::Fast]
            } else {
                vec![Path::Direct, Path::Fast]
            } {
                let mut times = vec![];
                for _ in 0..std::env::var("REPS").map_or(12, |r| r.parse().unwrap()) {
                    let t = cpu();
                    g.synthesize_by(path, &ws, &Shaping::default()).unwrap();
                    times.push((cpu() - t) * 1e3);
                }
                times.sort_by(f64::total_cmp);
                if std::env::var("LAYERS").is_ok() {
                    let n = g.config().num_layers();
                    let mut best = vec![f64::MAX; n];
                    for _ in 0..10 {
                        let last = std::cell::Cell::new(cpu());
                        let times = std::cell::RefCell::new(vec![]);
                        g.watch(path, &ws, &|_| {
                            let t = cpu();
                            times.borrow_mut().push(t - last.get());
                            last.set(cpu());
                        })
                        .unwrap();
                        for (b, t) in best.iter_mut().zip(times.into_inner()) {
                            *b = b.min(t)
                        }
                    }
                    println!("  styles {:.2}", best[0] * 1e3);
                    for k in 1..n {
                        let (i, o, r) = (
                            g.config().layer_channels(k - 1),
                            g.config().layer_channels(k),
                            g.config().layer_resolution(k),
                        );
                        let rin = if k % 2 == 0 { r / 2 } else { r };
                        let gf = 18e-9 * (i * o * rin * rin) as f64;
                        println!(
                            "  {k:2} {} {r:4} {i:3}->{o:3} {:6.2} ms {:6.1} GF/s",
                            if k % 2 == 0 { "up" } else { "  " },
                            best[k] * 1e3,
                            gf / best[k]
                        );
                    }
                }
                println!(
                    "{r} {b} {m} {path:?}: min {:.1} med {:.1}",
                    times[0],
                    times[times.len() / 2]
                );
            }
        });
    }
}

fn cpu() -> f64 {
    #[repr(C)]
    struct T(i64, i64);
    unsafe extern "C" {
        fn clock_gettime(id: i32, t: *mut T) -> i32;
    }
    let mut t = T(0, 0);
    let id = if std::env::var("WALL").is_ok() { 1 } else { 2 };
    unsafe { clock_gettime(id, &mut t) };
    t.0 as f64 + t.1 as f64 * 1e-9
}
