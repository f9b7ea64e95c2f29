//! uniswap_v3_math on the same inputs as alp's engine: equal first, then CPU nanoseconds.
//!
//! Input lines: `step current target liquidity amount fee next in out fee_amount`,
//! `tick price tick`, `ratio tick price`, `bench name current target liquidity amount fee`.
//! Output: one line `equal KIND n of m` per kind and `bench NAME step_ns tick_ns` per bench, the
//! best of a few rounds; the caller runs this again and again between its own measurements.

use alloy_primitives::{I256, U256};
use std::{env, fs, hint::black_box, str::FromStr};
use uniswap_v3_math::swap_math::compute_swap_step;
use uniswap_v3_math::tick_math::{get_sqrt_ratio_at_tick, get_tick_at_sqrt_ratio};

const ROUNDS: usize = 2;
const CALLS: u64 = 20_000;

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

#[cfg(target_os = "macos")]
const PROCESS_CPU: i32 = 12;
#[cfg(not(target_os = "macos"))]
const PROCESS_CPU: i32 = 2;

fn cpu_ns() -> f64 {
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(PROCESS_CPU, &mut now) };
    now.seconds as f64 * 1e9 + now.nanoseconds as f64
}

fn best(mut call: impl FnMut(u64)) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let start = cpu_ns();
            (0..CALLS).for_each(&mut call);
            (cpu_ns() - start) / CALLS as f64
        })
        .fold(f64::INFINITY, f64::min)
}

fn word(text: &str) -> U256 {
    U256::from_str(text).expect("an unsigned integer")
}

fn signed(text: &str) -> I256 {
    I256::from_dec_str(text).expect("an integer")
}

fn step_is_equal(f: &[&str]) -> bool {
    let expected = (word(f[6]), word(f[7]), word(f[8]), word(f[9]));
    compute_swap_step(
        word(f[1]),
        word(f[2]),
        f[3].parse().expect("liquidity"),
        signed(f[4]),
        f[5].parse().expect("fee"),
    )
    .is_ok_and(|found| found == expected)
}

fn bench(f: &[&str]) {
    let (current, target) = (word(f[2]), word(f[3]));
    let liquidity: u128 = f[4].parse().expect("liquidity");
    let (amount, fee) = (signed(f[5]), f[6].parse::<u32>().expect("fee"));
    let step = best(|i| {
        let price = black_box(current + U256::from(i));
        black_box(compute_swap_step(price, target, liquidity, amount, fee).expect("a step"));
    });
    let tick = best(|i| {
        let price = black_box(current + U256::from(i));
        black_box(get_tick_at_sqrt_ratio(price).expect("a tick"));
    });
    println!("bench {} {step:.1} {tick:.1}", f[1]);
}

fn main() {
    let path = env::args().nth(1).expect("the file of inputs");
    let text = fs::read_to_string(path).expect("a readable file");
    let mut counts = [("step", 0, 0), ("tick", 0, 0), ("ratio", 0, 0)];
    for line in text.lines() {
        let f: Vec<&str> = line.split(' ').collect();
        let (kind, equal) = match f[0] {
            "step" => (0, step_is_equal(&f)),
            "tick" => (1, get_tick_at_sqrt_ratio(word(f[1])).is_ok_and(|t| t.to_string() == f[2])),
            "ratio" => (
                2,
                get_sqrt_ratio_at_tick(f[1].parse().expect("a tick")).is_ok_and(|p| p == word(f[2])),
            ),
            _ => continue,
        };
        counts[kind].1 += usize::from(equal);
        counts[kind].2 += 1;
    }
    for (kind, equal, all) in counts {
        println!("equal {kind} {equal} of {all}");
    }
    for line in text.lines().filter(|line| line.starts_with("bench ")) {
        bench(&line.split(' ').collect::<Vec<_>>());
    }
}
