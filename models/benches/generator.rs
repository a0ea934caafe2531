//! Time of one picture on the CPU, with 1 and 2 threads, in turn with a peer where there is one, and
//! where the time goes: `cargo xtask bench generator`.
//!
//! LUMAWIRE_PEER is the command line of the peer: a program, a line break, its argument. The peer
//! answers lines as `xtask/peers/stylegan2_torch.py` says.

#![allow(clippy::expect_used, clippy::disallowed_methods)] // a panic is the report; it is a clock

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use lumawire_models::random::RandomState;
use lumawire_models::stylegan2::{Config, Generator, Shaping};
use rayon::ThreadPool;

/// Resolution, channel base and most channels.
const NETWORKS: [(usize, usize, usize); 6] = [
    (256, 16384, 512),
    (256, 8192, 256),
    (256, 4096, 128),
    (512, 4096, 64),
    (512, 16384, 512),
    (1024, 32768, 512),
];
const THREADS: [usize; 2] = [1, 2];
/// Longest time for one network with one number of threads.
const PATIENCE: Duration = Duration::from_secs(8);
const MOST_ROUNDS: usize = 40;
const LEAST_ROUNDS: usize = 3;

fn main() {
    // `cargo test --benches` runs it too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let pools = THREADS.map(|n| {
        rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a pool of threads")
    });
    let mut peer = Peer::start();
    println!("{:<18} {:>7} {:>10} {:>10} {:>6}", "network", "threads", "ms", "PyTorch ms", "times");
    for (resolution, base, max) in NETWORKS {
        let name = format!("{resolution}² {base}/{max}");
        let generator =
            Generator::stand_in(Config::new(resolution, base, max), 0).expect("network");
        let ws = some_ws(&generator);
        if let Some(peer) = &mut peer {
            peer.ask(&format!("network {resolution} {base} {max}"));
        }
        for (num_threads, pool) in THREADS.into_iter().zip(&pools) {
            let (own, other) = in_turn(&generator, &ws, num_threads, pool, peer.as_mut());
            let other = other.map_or_else(
                || format!("{:>10} {:>6}", "-", "-"),
                |other| format!("{other:>10.1} {:>6.2}", other / own),
            );
            println!("{name:<18} {num_threads:>7} {own:>10.2} {other}");
        }
        layers(&generator, &ws, &pools);
    }
}

fn some_ws(generator: &Generator) -> Tensor {
    let mut z = vec![0.0; 512];
    RandomState::new(0).fill_normal(&mut z);
    let z = Tensor::from_vec(z, (1, 512), &Device::Cpu).expect("z");
    let w = generator.map(&z, None).expect("w");
    generator.broadcast(&w).expect("ws")
}

/// Median times of a picture in ms: the engine's and the peer's, one picture each in turn.
fn in_turn(
    generator: &Generator,
    ws: &Tensor,
    num_threads: usize,
    pool: &ThreadPool,
    mut peer: Option<&mut Peer>,
) -> (f64, Option<f64>) {
    let shaping = Shaping::default();
    let own = || {
        pool.install(|| {
            let start = Instant::now();
            generator.synthesize(ws, &shaping).expect("a picture");
            start.elapsed().as_secs_f64() * 1e3
        })
    };
    if let Some(peer) = &mut peer {
        peer.ask(&format!("threads {num_threads}"));
    }
    let mut other = || peer.as_mut().map(|peer| peer.draw());
    own();
    other();
    let start = Instant::now();
    let (mut own_times, mut other_times) = (Vec::new(), Vec::new());
    while own_times.len() < LEAST_ROUNDS
        || own_times.len() < MOST_ROUNDS && start.elapsed() < PATIENCE
    {
        own_times.push(own());
        other_times.extend(other());
    }
    let other = (!other_times.is_empty()).then(|| median(&mut other_times));
    (median(&mut own_times), other)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median time of every layer.
fn layers(generator: &Generator, ws: &Tensor, pools: &[ThreadPool]) {
    let config = generator.config();
    let times: Vec<Vec<f64>> =
        pools.iter().map(|pool| pool.install(|| layer_times(generator, ws))).collect();
    let (costs, isa) = generator.costs();
    let mib = costs.iter().map(|cost| cost.num_bytes).sum::<usize>() as f64 / f64::from(1 << 20);
    println!("  {isa}, packed kernels {mib:.0} MiB");
    println!("  layer   side  channels   algorithm       MiB     1 thread          2 threads");
    println!("  styles {:>46.3} ms {:>15.3} ms", times[0][0], times[1][0]);
    for (i, cost) in costs.iter().enumerate() {
        let layer = i + 1;
        let speed =
            |ms: f64| format!("{ms:>8.3} ms {:>5.0} GF/s", cost.num_flops as f64 / ms * 1e-6);
        println!(
            "  {layer:>5} {:>6}  {:>4} {:>4}  {:<12} {:>6.2} {} {}",
            config.layer_resolution(layer),
            config.layer_channels(layer - 1),
            config.layer_channels(layer),
            format!("{}{}", if layer % 2 == 0 { "up, " } else { "" }, cost.algorithm),
            cost.num_bytes as f64 / f64::from(1 << 20),
            speed(times[0][layer]),
            speed(times[1][layer]),
        );
    }
}

/// Median times in ms of the styles and of convolution 1, 2, …, with the picture drawn after it.
fn layer_times(generator: &Generator, ws: &Tensor) -> Vec<f64> {
    let mut times = vec![Vec::new(); generator.config().num_layers()];
    let start = Instant::now();
    while times[0].len() < LEAST_ROUNDS
        || times[0].len() < MOST_ROUNDS && start.elapsed() < PATIENCE / 4
    {
        let marks = RefCell::new(vec![Instant::now()]);
        let mark = |_| marks.borrow_mut().push(Instant::now());
        generator.synthesize_watched(ws, &mark).expect("a picture");
        for (times, marks) in times.iter_mut().zip(marks.into_inner().windows(2)) {
            times.push((marks[1] - marks[0]).as_secs_f64() * 1e3);
        }
    }
    times.iter_mut().map(|times| median(times)).collect()
}

/// Another program that draws by a network of the same sizes.
struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start() -> Option<Self> {
        let command = std::env::var("LUMAWIRE_PEER").ok()?;
        let (program, argument) = command.split_once('\n')?;
        let mut process = Command::new(program)
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer starts");
        let input = process.stdin.take().expect("its input");
        let output = BufReader::new(process.stdout.take().expect("its output"));
        Some(Self { process, input, output })
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").expect("the peer listens");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("the peer answers");
        answer.trim().to_owned()
    }

    /// Time of a picture in ms.
    fn draw(&mut self) -> f64 {
        self.ask("draw").parse().expect("a time in ms")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends when its input does; nothing is lost if it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
