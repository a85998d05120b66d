//! Problems for tests: the shape of a saturated quantized network, and small random ones.
//!
//! In: a size and a seed. Out: a problem and its roots, the same on every machine.

use super::problem::{ClassId, Cost, Problem};

/// Xorshift: a sequence that a seed determines.
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A residual network of quantized convolutions after saturation, of at least `classes` classes. Each block can stay as it is (dequantize,
/// convolve, normalize, add, activate, quantize) or be fused in part or whole; weights can be dequantized, folded or packed, and are shared
/// by what uses them. With `inverses`, dequantizing and quantizing again is known to be nothing, and two transpositions cancel: cycles.
pub(super) fn network(classes: usize, seed: u64, inverses: bool) -> (Problem, Vec<ClassId>) {
    let mut random = Random::new(seed);
    let mut builder = Builder::default();
    let scales: Vec<usize> = (0..16).map(|_| builder.leaf(Cost::ZERO)).collect();
    let mut x = builder.leaf(Cost::new(1, 64));
    let mut before = x;
    while builder.classes.len() < classes {
        for half in 0..2 {
            let residual = (half == 1 && random.once_in(2)).then_some(before);
            let scale = scales[random.below(16) as usize];
            x = builder.block(&mut random, x, residual, scale, inverses);
        }
        before = if random.once_in(3) { x } else { before };
    }
    let root = builder.class(vec![(Cost::new(1, 64), vec![x])]);
    builder.problem(root)
}

#[derive(Default)]
struct Builder {
    classes: Vec<Vec<(Cost, Vec<usize>)>>,
}

impl Builder {
    fn class(&mut self, candidates: Vec<(Cost, Vec<usize>)>) -> usize {
        self.classes.push(candidates);
        self.classes.len() - 1
    }

    fn leaf(&mut self, cost: Cost) -> usize {
        self.class(vec![(cost, Vec::new())])
    }

    fn op(&mut self, children: &[usize]) -> usize {
        self.class(vec![(operation(children.len()), children.to_vec())])
    }

    fn also(&mut self, class: usize, children: &[usize]) {
        let candidate = (operation(children.len()), children.to_vec());
        self.classes[class].push(candidate);
    }

    /// One convolution with what follows it. The class of its quantized result.
    fn block(
        &mut self,
        random: &mut Random,
        x: usize,
        residual: Option<usize>,
        scale: usize,
        inverses: bool,
    ) -> usize {
        let bytes = 64 + random.below(100_000);
        let weight = self.leaf(Cost::new(0, bytes));
        let bias = self.leaf(Cost::new(0, 256));
        let dequantized = self.op(&[weight]);
        if random.once_in(2) {
            self.classes[dequantized].push((Cost::new(0, 4 * bytes), Vec::new()));
        }
        let packed = self.op(&[weight, bias, scale]);
        self.classes[packed].push((Cost::new(0, bytes + 300), Vec::new()));
        let float = self.op(&[x]);
        let mut y = self.op(&[float, dequantized, bias]);
        let mut parts = vec![x, packed, scale];
        if random.once_in(4) {
            let statistics = self.leaf(Cost::new(0, 1024));
            let folded = self.op(&[weight, statistics]);
            y = self.op(&[y, statistics]);
            let fused = self.op(&[folded, bias, statistics]);
            self.also(y, &[float, folded, fused]);
            parts[1] = self.op(&[folded, fused]);
        }
        if random.once_in(6) {
            let turned = self.op(&[y]);
            if inverses {
                self.also(y, &[turned]);
            }
            let back = self.op(&[turned]);
            let same = self.classes[y].clone();
            self.classes[back].extend(same);
            y = back;
        }
        if let Some(other) = residual {
            let right = self.op(&[other]);
            y = self.op(&[y, right]);
            parts.push(other);
        }
        if !random.once_in(8) {
            let active = self.op(&[y]);
            if random.once_in(2) {
                self.also(active, &[float, dequantized, bias, y]);
            }
            y = active;
        }
        let result = self.op(&[y, scale]);
        if !random.once_in(5) {
            self.also(result, &parts);
        }
        if inverses {
            let again = self.op(&[result]);
            self.also(result, &[again, scale]);
        }
        result
    }

    fn problem(self, root: usize) -> (Problem, Vec<ClassId>) {
        let mut problem = Problem::new();
        for candidates in self.classes {
            problem.add_class();
            for (cost, children) in candidates {
                let children = children.into_iter().map(|child| ClassId(child as u32));
                problem.add_candidate(cost, children);
            }
        }
        (problem, vec![ClassId(root as u32)])
    }
}

/// One operation, and a record in the file that names its operands.
fn operation(operands: usize) -> Cost {
    Cost::new(1, 64 + 4 * operands as u64)
}

/// A random problem of 3 to 9 classes with one or two roots. With `cyclic`, children may be any class; with `free`, a cost may be zero.
pub(super) fn small(random: &mut Random, cyclic: bool, free: bool) -> (Problem, Vec<ClassId>) {
    let classes = 3 + random.below(7);
    let mut problem = Problem::new();
    for class in 0..classes {
        problem.add_class();
        for _ in 0..1 + random.below(3) {
            let count = if class == 0 { 0 } else { random.below(4) };
            let children: Vec<ClassId> = (0..count)
                .map(|_| match cyclic && random.once_in(4) {
                    true => ClassId(random.below(classes) as u32),
                    false => ClassId(random.below(class.max(1)) as u32),
                })
                .collect();
            let cost = match free {
                true => Cost::new(random.below(3), random.below(3)),
                false => Cost::new(1 + random.below(3), 1 + random.below(9)),
            };
            problem.add_candidate(cost, children);
        }
    }
    let last = classes as u32 - 1;
    let roots = match random.once_in(3) {
        true => vec![ClassId(last), ClassId(last - 1)],
        false => vec![ClassId(last)],
    };
    (problem, roots)
}
