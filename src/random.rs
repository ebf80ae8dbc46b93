//! One seed, many independent random streams.
//!
//! A stream is named by (seed, purpose, id), never by the order in which draws happen to be made.
//! Two policies, or the simulator and a live run, therefore meet the same arrivals, works and
//! failures, however differently they schedule. This is what makes paired comparison possible
//! ("common random numbers": Law, *Simulation Modeling and Analysis*, section 11.2).
//!
//! The generator is xoshiro256++ (Blackman and Vigna 2021), its state filled by SplitMix64
//! (Steele, Lea and Flood 2014) as its authors advise. Both are portable: the same draws on every
//! platform. Making a stream costs about 6 ns, so a stream per task and attempt is affordable.

use std::convert::Infallible;

use rand::{Rng, TryRng};

/// A random stream: xoshiro256++.
///
/// Written out here because `rand_xoshiro` fills its state through bytes in memory, and the
/// processor waits about 10 ns for them at every new stream. A test holds the two together, draw
/// for draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream([u64; 4]);

impl TryRng for Stream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        // The upper bits are the better ones.
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let Stream(s) = self;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        Ok(result)
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// What a stream is for. The discriminants are part of what a seed means: never renumber them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Purpose {
    /// Gaps between arrivals.
    Arrivals = 1,
    /// Work of a task; with `redraw`, of each of its attempts.
    Work = 2,
    /// Class of a task.
    Class = 3,
    /// Priority of a task.
    Priority = 4,
    /// Error of the estimate of a task.
    Estimate = 5,
    /// Whether an attempt of a task fails.
    Failure = 6,
    /// Up times of a node.
    NodeUp = 7,
    /// Down times of a node.
    NodeDown = 8,
    /// Delay from the decision to start an attempt until it starts.
    DispatchDelay = 9,
    /// Jitter of the backoff before a retry.
    Backoff = 10,
    /// Choices of the ordering part of a policy.
    Order = 11,
    /// Choices of the placing part of a policy.
    Place = 12,
    /// Sizes of arriving batches.
    BatchSize = 13,
    /// Resampling in statistics.
    Bootstrap = 14,
    /// Delay from the end of an attempt until the scheduler knows.
    CompletionDelay = 15,
    /// Delays from failures of a node until the scheduler knows.
    DetectionDelay = 16,
    /// Delays from repairs of a node until the scheduler can use it.
    JoinDelay = 17,
    /// Deadline of a task.
    Deadline = 18,
    /// How long a task waits before it gives up.
    Patience = 19,
    /// What a task is about.
    TaskKey = 20,
    /// Who submits a task.
    User = 21,
    /// Which nodes are asked or robbed.
    Probe = 22,
    /// Shape of a job of dependent tasks.
    JobShape = 23,
    /// Tasks that a task submits when it ends.
    Spawn = 24,
    /// Zone a task comes from.
    Zone = 25,
    /// Nodes that an outage takes; id = position of the outage.
    Outage = 30,
    /// Which lock a task needs.
    Lock = 46,
    /// How far an attempt that fails comes.
    FailurePoint = 31,
    /// Whether every attempt of a task fails.
    Poison = 32,
    /// When a node is slow, and for how long.
    Slowness = 36,
    /// When a node pauses, and for how long.
    Pause = 37,
    /// When a node is cut off, and for how long.
    Partition = 38,
    /// Nodes that a planned disturbance takes; id = 4 x its position among those of its kind + the kind.
    DisturbedNodes = 39,
    /// How often the message to start an attempt is lost.
    StartLoss = 40,
    /// How often the message of the end of an attempt is lost.
    ResultLoss = 41,
    /// Times between heartbeats of a node.
    Heartbeat = 42,
    /// Whether heartbeats of a node are lost.
    HeartbeatLoss = 43,
    /// Up times of a replica of the scheduler.
    ReplicaUp = 51,
    /// Down times of a replica of the scheduler.
    ReplicaDown = 52,
    /// How long elections of a leader take; id 0.
    Election = 53,
    /// Work of undoing a task; id = its number.
    Compensation = 70,
    /// Bytes that a task is, where it waits.
    Size = 60,
    /// How long nodes that are asked for take to join.
    BootDelay = 61,
    /// Faults that a check adds to a scenario; id 0.
    DrawnFaults = 80,
}

/// All streams of one replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64: a bijection of 64-bit words that passes for random.
#[inline]
pub fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Streams {
    /// The streams of the replication with this seed.
    pub fn new(seed: u64) -> Self {
        Streams { seed }
    }

    /// The key all streams of one purpose share.
    #[inline]
    pub fn key(self, purpose: Purpose) -> StreamKey {
        StreamKey(mix(mix(self.seed.wrapping_add(GOLDEN)) ^ (purpose as u64).wrapping_mul(GOLDEN)))
    }

    /// The stream (seed, purpose, id).
    #[inline]
    pub fn stream(self, purpose: Purpose, id: u64) -> Stream {
        self.key(purpose).stream(id)
    }
}

/// The streams of one seed and one purpose; making this once saves work in a hot loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamKey(u64);

impl StreamKey {
    /// The stream of thing `id`.
    #[inline]
    pub fn stream(self, id: u64) -> Stream {
        let start = mix(self.0 ^ id.wrapping_mul(0xd134_2543_de82_ef95));
        // Four different inputs of a bijection: at most one word is zero, so the state never is.
        let word = |n: u64| mix(start.wrapping_add(GOLDEN.wrapping_mul(n)));
        Stream([word(1), word(2), word(3), word(4)])
    }

    /// The stream of part `part` of thing `id`: attempt 2 of task 17, say.
    #[inline]
    pub fn stream2(self, id: u64, part: u64) -> Stream {
        StreamKey(self.0 ^ mix(part.wrapping_add(GOLDEN))).stream(id)
    }

    /// One number in [0, 1) for part `part` of thing `id`, without the cost of a whole stream.
    #[inline]
    pub fn uniform2(self, id: u64, part: u64) -> f64 {
        let key = self.0 ^ mix(part.wrapping_add(GOLDEN));
        let word = mix(mix(key ^ id.wrapping_mul(0xd134_2543_de82_ef95)).wrapping_add(GOLDEN));
        unit(word)
    }
}

#[inline]
fn unit(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A number in [0, 1).
#[inline]
pub fn uniform(stream: &mut Stream) -> f64 {
    unit(stream.next_u64())
}

/// A whole number in 0..n by Lemire's multiplication (2019), without its rejection step: the bias
/// is below n / 2^64.
#[inline]
pub fn below(stream: &mut Stream, n: u32) -> u32 {
    ((u128::from(stream.next_u64()) * u128::from(n)) >> 64) as u32
}

/// A standard normal value, for tests (Box and Muller 1958).
#[cfg(test)]
pub(crate) fn gauss(stream: &mut Stream) -> f64 {
    let (u, v) = (1.0 - uniform(stream), uniform(stream));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_every_part_of_their_name() {
        let word = |seed, purpose, id| Streams::new(seed).stream(purpose, id).next_u64();
        let base = word(1, Purpose::Work, 0);
        assert_ne!(base, word(2, Purpose::Work, 0));
        assert_ne!(base, word(1, Purpose::Class, 0));
        assert_ne!(base, word(1, Purpose::Work, 1));
        assert_eq!(base, word(1, Purpose::Work, 0));
    }

    /// The same draws on every platform and in every version: what a seed means is fixed.
    #[test]
    fn draws_are_pinned() {
        let mut stream = Streams::new(1).stream(Purpose::Work, 7);
        let drawn = [stream.next_u64(), stream.next_u64()];
        assert_eq!(drawn, PINNED, "{drawn:#x?}");
    }
    const PINNED: [u64; 2] = [0x30ad_8397_f564_8f65, 0x151a_0462_3d76_116c];

    /// Same seed, same draws as the crate that is known to be right.
    #[test]
    fn the_generator_is_xoshiro256_plus_plus() {
        use rand::SeedableRng as _;
        for id in 0..100 {
            let mut ours = Streams::new(5).stream(Purpose::Work, id);
            let seed: Vec<u8> = ours.0.iter().flat_map(|word| word.to_le_bytes()).collect();
            let mut theirs = rand_xoshiro::Xoshiro256PlusPlus::from_seed(seed.try_into().unwrap());
            for _ in 0..10 {
                assert_eq!(ours.next_u64(), theirs.next_u64());
                assert_eq!(ours.next_u32(), theirs.next_u32());
            }
            let (mut one, mut other) = ([0u8; 21], [0u8; 21]);
            ours.fill_bytes(&mut one);
            theirs.fill_bytes(&mut other);
            assert_eq!(one, other);
        }
    }

    #[test]
    fn keyed_uniforms_are_uniform() {
        let key = Streams::new(3).key(Purpose::Failure);
        let n = 200_000u64;
        let mut bins = [0u32; 16];
        for id in 0..n {
            bins[(key.uniform2(id, 1) * 16.0) as usize] += 1;
        }
        let expected = n as f64 / 16.0;
        let chi2: f64 = bins.iter().map(|&b| (f64::from(b) - expected).powi(2) / expected).sum();
        assert!(chi2 < 37.7, "chi-square {chi2} on 15 degrees of freedom is beyond 0.999");
    }

    #[test]
    fn first_draws_of_neighbouring_streams_are_uncorrelated() {
        let key = Streams::new(9).key(Purpose::Work);
        let n = 100_000;
        let draws: Vec<f64> = (0..n).map(|id| uniform(&mut key.stream(id))).collect();
        let products: f64 = draws.windows(2).map(|w| (w[0] - 0.5) * (w[1] - 0.5)).sum();
        let correlation = products / n as f64 * 12.0;
        assert!(correlation.abs() < 4.0 / (n as f64).sqrt(), "correlation {correlation}");
    }
}
