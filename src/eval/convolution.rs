//! Convolutions of one to three dimensions, transposed ones too, over any element type.
//!
//! In: elements in row-major order, a geometry. Out: one sum of products for each output element, finished by the caller.
//! Invariant: three spatial dimensions always; fewer are led by dimensions of size 1.
//! Invariant: the order of summation depends on the shapes only.
//!
//! Each output position gathers its window once (zero outside the input), so that every sum is a dot product of two runs; a
//! transposed convolution differs only in which input element a window position means.

use super::elements::count;
use super::error::Fault;

/// Windows gathered at a time: bounds the memory of large inputs.
const BLOCK: usize = 512;

/// Largest stride, padding or dilation: keeps index arithmetic inside of `i64`.
const LARGEST: i64 = 1 << 31;

/// What the operands of a convolution say, one number for each spatial dimension.
#[derive(Clone, Debug)]
pub(super) struct Geometry {
    pub(super) stride: Vec<i64>,
    /// Before and after.
    pub(super) padding: Vec<(i64, i64)>,
    pub(super) output_padding: Vec<i64>,
    pub(super) dilation: Vec<i64>,
    pub(super) groups: i64,
    pub(super) transposed: bool,
}

/// A convolution of known shapes.
#[derive(Debug)]
pub(super) struct Plan {
    batch: usize,
    groups: usize,
    /// Channels in and out of one group.
    inputs: usize,
    outputs: usize,
    input: [usize; 3],
    kernel: [usize; 3],
    output: [usize; 3],
    /// For each dimension, output position and kernel position: the input position, if it is inside.
    sources: [Vec<Option<usize>>; 3],
    transposed: bool,
    /// Shape of the result.
    pub(super) shape: Vec<usize>,
}

impl Plan {
    /// Checks shapes `[batch, channels, spatial..]` of the input and `[out, in / groups, kernel..]` of the weight
    /// (`[in, out / groups, kernel..]` if transposed).
    pub(super) fn new(
        geometry: &Geometry,
        input: &[usize],
        weight: &[usize],
    ) -> Result<Plan, Fault> {
        let mismatch = || {
            Fault::new(format!(
                "an input of shape {input:?} and a weight of shape {weight:?} do not fit with {} groups",
                geometry.groups
            ))
        };
        let rank = geometry.stride.len();
        let groups = usize::try_from(geometry.groups)
            .ok()
            .filter(|&groups| groups > 0)
            .ok_or_else(mismatch)?;
        let ([batch, channels, input_space @ ..], [first, second, kernel_space @ ..]) =
            (input, weight)
        else {
            return Err(mismatch());
        };
        if input_space.len() != rank || kernel_space.len() != rank || rank > 3 {
            return Err(mismatch());
        }
        count(input)?;
        count(weight)?;
        let (inputs, outputs) = if geometry.transposed {
            (first / groups, *second)
        } else {
            (*second, first / groups)
        };
        if inputs * groups != *channels || first % groups != 0 {
            return Err(mismatch());
        }
        let mut plan = Plan {
            batch: *batch,
            groups,
            inputs,
            outputs,
            input: [1; 3],
            kernel: [1; 3],
            output: [1; 3],
            sources: [vec![Some(0)], vec![Some(0)], vec![Some(0)]],
            transposed: geometry.transposed,
            shape: vec![*batch, outputs.saturating_mul(groups)],
        };
        for dim in 0..rank {
            let at = 3 - rank + dim;
            plan.input[at] = input_space[dim];
            plan.kernel[at] = kernel_space[dim];
            let sources = sources(geometry, dim, input_space[dim], kernel_space[dim])?;
            plan.output[at] = sources.len() / kernel_space[dim].max(1);
            plan.shape.push(plan.output[at]);
            plan.sources[at] = sources;
        }
        count(&plan.shape)?;
        Ok(plan)
    }

    /// Elements of one window.
    fn window(&self) -> usize {
        self.inputs * self.kernel.iter().product::<usize>()
    }

    /// The weight as one run for each output channel, in the order in which windows are gathered.
    pub(super) fn weight_runs<T: Copy>(&self, weight: &[T]) -> Vec<T> {
        if !self.transposed {
            return weight.to_vec();
        }
        let kernel: usize = self.kernel.iter().product();
        let mut runs = Vec::with_capacity(weight.len());
        for group in 0..self.groups {
            for output in 0..self.outputs {
                for input in 0..self.inputs {
                    let row = (group * self.inputs + input) * self.outputs + output;
                    runs.extend_from_slice(&weight[row * kernel..][..kernel]);
                }
            }
        }
        runs
    }

    /// The result in row-major order: `finish(output channel, dot(weight run, window))` for each element.
    pub(super) fn run<T: Copy + Default, A, R: Copy + Default>(
        &self,
        input: &[T],
        weight_runs: &[T],
        dot: fn(&[T], &[T]) -> A,
        finish: impl Fn(usize, A) -> R,
    ) -> Vec<R> {
        let positions: usize = self.output.iter().product();
        let window = self.window();
        let plane: usize = self.input.iter().product::<usize>() * self.inputs;
        let mut result = vec![R::default(); self.batch * self.groups * self.outputs * positions];
        let mut windows = Vec::with_capacity(window * BLOCK.min(positions));
        for image in 0..self.batch * self.groups {
            let group = image % self.groups;
            let input = &input[image * plane..][..plane];
            let mut start = 0;
            while start < positions {
                let end = positions.min(start + BLOCK);
                windows.clear();
                for position in start..end {
                    self.gather(input, position, &mut windows);
                }
                for output in 0..self.outputs {
                    let channel = group * self.outputs + output;
                    let run = &weight_runs[channel * window..][..window];
                    let row = (image * self.outputs + output) * positions;
                    let results = &mut result[row + start..row + end];
                    for (at, result) in results.iter_mut().enumerate() {
                        let products = dot(run, &windows[at * window..][..window]);
                        *result = finish(channel, products);
                    }
                }
                start = end;
            }
        }
        result
    }

    fn gather<T: Copy + Default>(&self, input: &[T], position: usize, windows: &mut Vec<T>) {
        let [_, height, width] = self.output;
        let [d, h, w] = [
            position / (height * width),
            position / width % height,
            position % width,
        ];
        let row = |dim: usize, at: usize| {
            let kernel = self.kernel[dim];
            &self.sources[dim][at * kernel..][..kernel]
        };
        let (planes, rows, columns) = (row(0, d), row(1, h), row(2, w));
        let [_, input_height, input_width] = self.input;
        let size: usize = self.input.iter().product();
        for channel in 0..self.inputs {
            let channel = &input[channel * size..][..size];
            for plane in planes {
                for line in rows {
                    let Some(start) = plane
                        .zip(*line)
                        .map(|(plane, line)| (plane * input_height + line) * input_width)
                    else {
                        windows.resize(windows.len() + columns.len(), T::default());
                        continue;
                    };
                    for column in columns {
                        windows.push(match column {
                            Some(column) => channel[start + column],
                            None => T::default(),
                        });
                    }
                }
            }
        }
    }
}

/// For each output and kernel position along a dimension, the input position.
fn sources(
    geometry: &Geometry,
    dim: usize,
    input: usize,
    kernel: usize,
) -> Result<Vec<Option<usize>>, Fault> {
    let numbers = [
        geometry.stride.get(dim).copied(),
        geometry.padding.get(dim).map(|p| p.0),
        geometry.padding.get(dim).map(|p| p.1),
        geometry.output_padding.get(dim).copied(),
        geometry.dilation.get(dim).copied(),
    ];
    let [
        Some(stride),
        Some(before),
        Some(after),
        Some(extra),
        Some(dilation),
    ] = numbers
    else {
        return Err(Fault::new("a convolution lacks numbers for a dimension"));
    };
    let fits = numbers.iter().flatten().all(|n| (0..LARGEST).contains(n));
    if !fits || stride == 0 || dilation == 0 || kernel == 0 {
        return Err(Fault::new(format!(
            "stride {stride}, padding {before}, dilation {dilation}, kernel size {kernel}"
        )));
    }
    let reach = dilation * (kernel as i64 - 1) + 1;
    let output = if geometry.transposed {
        (input as i64 - 1) * stride - before - after + reach + extra
    } else {
        (input as i64 + before + after - reach).div_euclid(stride) + 1
    };
    if output < 1 {
        return Err(Fault::new(format!(
            "a kernel of size {kernel} does not fit an input of size {input}"
        )));
    }
    count(&[output as usize, kernel])?;
    let mut sources = Vec::with_capacity(output as usize * kernel);
    for position in 0..output {
        for tap in 0..kernel as i64 {
            let source = if geometry.transposed {
                let spread = position + before - tap * dilation;
                (spread.rem_euclid(stride) == 0).then_some(spread.div_euclid(stride))
            } else {
                Some(position * stride - before + tap * dilation)
            };
            sources.push(
                source
                    .filter(|source| (0..input as i64).contains(source))
                    .map(|source| source as usize),
            );
        }
    }
    Ok(sources)
}

/// Writes out a statement for each of eight lanes, so that it is quick without an optimiser too.
macro_rules! lanes {
    ($lane:ident => $statement:expr) => {{
        {
            const $lane: usize = 0;
            $statement
        }
        {
            const $lane: usize = 1;
            $statement
        }
        {
            const $lane: usize = 2;
            $statement
        }
        {
            const $lane: usize = 3;
            $statement
        }
        {
            const $lane: usize = 4;
            $statement
        }
        {
            const $lane: usize = 5;
            $statement
        }
        {
            const $lane: usize = 6;
            $statement
        }
        {
            const $lane: usize = 7;
            $statement
        }
    }};
}

/// Sum of products of integers, exact as long as it fits; wraps as the integer kernels of PyTorch do.
pub(super) fn dot_integers(a: &[i16], b: &[i16]) -> i32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sum = 0i32;
    for (a, b) in a.iter().zip(b) {
        let mut part = 0i32;
        lanes!(I => part += a[I] as i32 * b[I] as i32);
        sum = sum.wrapping_add(part);
    }
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        sum = sum.wrapping_add(i32::from(a) * i32::from(b));
    }
    sum
}

/// Sum of products in doubles, in eight lanes: products of `f32`s are exact, so the sum is good to far more than `f32` holds.
pub(super) fn dot_floats(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0f64; 8];
    for (a, b) in a.iter().zip(b) {
        lanes!(I => sums[I] += a[I] * b[I]);
    }
    for (sum, (a, b)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum += a * b;
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(rank: usize) -> Geometry {
        Geometry {
            stride: vec![1; rank],
            padding: vec![(0, 0); rank],
            output_padding: vec![0; rank],
            dilation: vec![1; rank],
            groups: 1,
            transposed: false,
        }
    }

    fn run(geometry: &Geometry, input: (&[usize], &[i16]), weight: (&[usize], &[i16])) -> Vec<i32> {
        let plan = Plan::new(geometry, input.0, weight.0).expect("shapes fit");
        let runs = plan.weight_runs(weight.1);
        plan.run(input.1, &runs, dot_integers, |_, sum| sum)
    }

    #[test]
    fn stride_padding_and_dilation() {
        let mut g = geometry(1);
        let input: (&[usize], &[i16]) = (&[1, 1, 5], &[1, 2, 3, 4, 5]);
        let weight: (&[usize], &[i16]) = (&[1, 1, 2], &[1, 10]);
        assert_eq!(run(&g, input, weight), [21, 32, 43, 54]);
        g.stride = vec![2];
        g.padding = vec![(1, 1)];
        assert_eq!(run(&g, input, weight), [10, 32, 54]);
        g.dilation = vec![3];
        assert_eq!(run(&g, input, weight), [30, 52]);
    }

    #[test]
    fn groups_see_their_own_channels() {
        let mut g = geometry(2);
        g.groups = 2;
        let input: (&[usize], &[i16]) = (&[1, 2, 1, 2], &[1, 2, 3, 4]);
        let weight: (&[usize], &[i16]) = (&[4, 1, 1, 1], &[1, 2, 3, 4]);
        assert_eq!(run(&g, input, weight), [1, 2, 2, 4, 9, 12, 12, 16]);
    }

    #[test]
    fn transposed_scatters() {
        let mut g = geometry(1);
        g.transposed = true;
        g.stride = vec![2];
        g.output_padding = vec![1];
        let input: (&[usize], &[i16]) = (&[1, 1, 2], &[1, 2]);
        let weight: (&[usize], &[i16]) = (&[1, 1, 3], &[1, 10, 100]);
        assert_eq!(run(&g, input, weight), [1, 10, 102, 20, 200, 0]);
        g.groups = 2;
        g.output_padding = vec![0];
        let input: (&[usize], &[i16]) = (&[1, 2, 1], &[1, 2]);
        let weight: (&[usize], &[i16]) = (&[2, 2, 1], &[1, 2, 3, 4]);
        assert_eq!(run(&g, input, weight), [1, 2, 6, 8]);
    }

    #[test]
    fn dots_of_every_length() {
        for n in 0..40usize {
            let a: Vec<i16> = (0..n).map(|i| i as i16 - 7).collect();
            let b: Vec<i16> = (0..n).map(|i| 3 * i as i16 - 5).collect();
            let want: i32 = a.iter().zip(&b).map(|(&a, &b)| i32::from(a * b)).sum();
            assert_eq!(dot_integers(&a, &b), want);
            let floats = |v: &[i16]| v.iter().map(|&x| x.into()).collect::<Vec<f64>>();
            assert_eq!(dot_floats(&floats(&a), &floats(&b)), f64::from(want));
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_faults() {
        let g = geometry(2);
        for (input, weight) in [
            (&[1, 3, 4, 4][..], &[2, 4, 1, 1][..]),
            (&[1, 3, 4], &[2, 3, 1, 1]),
            (&[1, 3, 4, 4], &[2, 3, 5, 1]),
            (&[1, 3, 4, 4], &[2, 3, 0, 1]),
        ] {
            assert!(Plan::new(&g, input, weight).is_err());
        }
        for groups in [0, -1, 2] {
            let mut g = geometry(2);
            g.groups = groups;
            assert!(Plan::new(&g, &[1, 3, 4, 4], &[2, 3, 1, 1]).is_err());
        }
        let mut g = geometry(2);
        g.padding = vec![(i64::MAX, 0); 2];
        assert!(Plan::new(&g, &[1, 3, 4, 4], &[2, 3, 1, 1]).is_err());
    }
}
