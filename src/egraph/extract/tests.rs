//! The extractor against every choice there is, and against shapes that break simpler extractors.

use super::synthetic::{Random, network, small};
use super::*;

/// The cost of the best of all choices, by trying them.
fn by_trying_all(
    problem: &Problem,
    roots: &[ClassId],
    forced: Option<CandidateId>,
) -> Option<Cost> {
    struct Trial<'a> {
        problem: &'a Problem,
        roots: Vec<ClassId>,
        forced: Option<(ClassId, CandidateId)>,
        choice: Vec<Option<CandidateId>>,
        best: Option<Cost>,
    }
    impl Trial<'_> {
        fn extend(&mut self, open: &[ClassId]) {
            let Some((&class, rest)) = open.split_first() else {
                let cost = cost_of(self.problem, &self.roots, &self.choice);
                self.best = [self.best, cost].into_iter().flatten().min();
                return;
            };
            if self.choice[class.index()].is_some() {
                return self.extend(rest);
            }
            for candidate in self.problem.candidates(class) {
                if self
                    .forced
                    .is_some_and(|(at, only)| at == class && only != candidate)
                {
                    continue;
                }
                self.choice[class.index()] = Some(candidate);
                let mut open = rest.to_vec();
                open.extend_from_slice(self.problem.children(candidate));
                self.extend(&open);
            }
            self.choice[class.index()] = None;
        }
    }
    let forced = forced.map(|candidate| (problem.class_of(candidate), candidate));
    let mut roots = roots.to_vec();
    roots.extend(forced.map(|(class, _)| class));
    let mut trial = Trial {
        problem,
        roots: roots.clone(),
        forced,
        choice: vec![None; problem.class_count()],
        best: None,
    };
    trial.extend(&roots);
    trial.best
}

/// How many random problems of each kind a test run tries.
const CASES: u64 = 1500;

fn for_small_problems(seed: u64, mut check: impl FnMut(&mut Random, &Problem, &[ClassId])) {
    let mut random = Random::new(seed);
    for (cyclic, free) in [(false, false), (false, true), (true, false), (true, true)] {
        for _ in 0..CASES {
            let (problem, roots) = small(&mut random, cyclic, free);
            check(&mut random, &problem, &roots);
        }
    }
}

#[test]
fn small_problems_are_solved_exactly() {
    let (mut feasible, mut cyclic) = (0, 0);
    for_small_problems(1, |_, problem, roots| {
        let best = by_trying_all(problem, roots, None);
        match solve(problem, roots, &Limits::default()) {
            Ok(solution) => {
                assert_eq!(Some(solution.cost), best, "{problem:?} {roots:?}");
                assert_eq!(cost_of(problem, roots, &solution.choice), best);
                assert_eq!(solution.proof, Proof::Optimal);
                assert_eq!(solution.lower_bound, solution.cost);
                feasible += 1;
                cyclic += usize::from(solution.max_scc() > 1);
            }
            Err(error) => {
                assert!(matches!(error, ExtractError::NoFiniteChoice { .. }));
                assert_eq!(best, None, "{problem:?} {roots:?}");
            }
        }
    });
    assert!(feasible > CASES * 3 && cyclic > 200, "{feasible} {cyclic}");
}

#[test]
fn starved_searches_say_what_they_do_not_know() {
    let mut gaps = 0;
    for_small_problems(2, |random, problem, roots| {
        let limits = Limits {
            expansions: random.below(12),
            table_entries: random.below(24) as usize,
        };
        let Ok(solution) = solve(problem, roots, &limits) else {
            return;
        };
        let best = by_trying_all(problem, roots, None).unwrap();
        assert_eq!(
            cost_of(problem, roots, &solution.choice),
            Some(solution.cost)
        );
        assert!(
            solution.lower_bound <= best && best <= solution.cost,
            "{problem:?} {roots:?}"
        );
        let proved = solution.lower_bound == solution.cost;
        assert_eq!(solution.proof == Proof::Optimal, proved);
        gaps += usize::from(!proved);
    });
    assert!(gaps > 20, "the limits were never hit: {gaps}");
}

#[test]
fn a_forced_candidate_costs_what_the_best_choice_with_it_costs() {
    for_small_problems(3, |random, problem, roots| {
        let candidate = CandidateId(random.below(problem.candidate_count() as u64) as u32);
        let best = by_trying_all(problem, roots, Some(candidate));
        match solve_choosing(problem, roots, candidate, &Limits::default()) {
            Ok(solution) => {
                assert_eq!(
                    Some(solution.cost),
                    best,
                    "{problem:?} {roots:?} {candidate:?}"
                );
                let class = problem.class_of(candidate);
                assert_eq!(solution.choice[class.index()], Some(candidate));
            }
            Err(_) => assert_eq!(best, None, "{problem:?} {roots:?} {candidate:?}"),
        }
    });
}

/// A convolution with two consumers, each of which could swallow it: fusing one leaves the convolution, fusing both computes it twice.
#[test]
fn fusing_one_of_two_consumers_is_no_gain() {
    let mut problem = Problem::new();
    let input = problem.add_resource(Cost::ZERO);
    let convolution = problem.add_class();
    problem.add_candidate(Cost::new(8, 0), [input]);
    let [left, right] = [(); 2].map(|()| {
        let class = problem.add_class();
        problem.add_candidate(Cost::new(1, 0), [convolution]);
        problem.add_candidate(Cost::new(9, 0), [input]);
        class
    });
    let root = problem.add_class();
    let plain = problem.add_candidate(Cost::new(2, 0), [left, right]);
    let solution = solve(&problem, &[root], &Limits::default()).unwrap();
    assert_eq!(solution.cost, Cost::new(12, 0));
    assert_eq!(solution.proof, Proof::Optimal);
    assert_eq!(solution.choice[root.index()], Some(plain));
    let fused = problem.candidates(left).last().unwrap();
    let other = solve_choosing(&problem, &[root], fused, &Limits::default()).unwrap();
    assert_eq!(other.cost, Cost::new(20, 0));
}

/// Bytes that two different operators share are paid once, so packing for one of them only adds.
#[test]
fn a_shared_resource_is_paid_once() {
    let mut problem = Problem::new();
    let weight = problem.add_resource(Cost::new(0, 1000));
    let packed = problem.add_resource(Cost::new(0, 900));
    let other = problem.add_class();
    problem.add_candidate(Cost::new(1, 10), [weight]);
    let root = problem.add_class();
    problem.add_candidate(Cost::new(1, 10), [packed, other]);
    let raw = problem.add_candidate(Cost::new(1, 20), [weight, other]);
    let solution = solve(&problem, &[root], &Limits::default()).unwrap();
    assert_eq!(solution.cost, Cost::new(2, 1030));
    assert_eq!(solution.choice[root.index()], Some(raw));
    assert_eq!(solution.choice[packed.index()], None);
}

/// Counted as a tree the root costs 2^2000; the graph has 4000 operations.
#[test]
fn residual_chains_are_counted_as_graphs() {
    let mut problem = Problem::new();
    let mut x = problem.add_resource(Cost::new(0, 1));
    for _ in 0..2000 {
        let middle = problem.add_class();
        problem.add_candidate(Cost::new(1, 5), [x]);
        problem.add_candidate(Cost::new(1, 4), [x]);
        let sum = problem.add_class();
        problem.add_candidate(Cost::new(1, 3), [x, middle]);
        problem.add_candidate(Cost::new(2, 0), [x]);
        x = sum;
    }
    let solution = solve(&problem, &[x], &Limits::default()).unwrap();
    assert_eq!(solution.proof, Proof::Optimal);
    assert_eq!(solution.cost, Cost::new(4000, 1));
}

#[test]
fn long_chains_need_no_stack() {
    for inverse in [false, true] {
        let length = 100_000;
        let mut problem = Problem::new();
        for class in 0..length {
            problem.add_class();
            let below = (class > 0).then(|| ClassId(class - 1));
            problem.add_candidate(Cost::new(2, 0), below);
            problem.add_candidate(Cost::new(1, 7), below);
            if inverse && class + 1 < length {
                problem.add_candidate(Cost::ZERO, [ClassId(class + 1)]);
            }
        }
        let root = ClassId(length - 1);
        let solution = solve(&problem, &[root], &Limits::default()).unwrap();
        assert_eq!(solution.cost, Cost::new(100_000, 700_000));
        assert_eq!(solution.proof, Proof::Optimal);
        assert_eq!(solution.max_scc(), if inverse { 100_000 } else { 1 });
    }
}

#[test]
fn fusion_graphs_are_solved_with_proof_and_the_same_way_twice() {
    for inverses in [false, true] {
        let (problem, roots) = network(4000, 7, inverses);
        let solution = solve(&problem, &roots, &Limits::default()).unwrap();
        assert_eq!(solution.proof, Proof::Optimal, "{:?}", solution.work);
        assert_eq!(
            cost_of(&problem, &roots, &solution.choice),
            Some(solution.cost)
        );
        assert_eq!(solution.max_scc() > 1, inverses);
        assert!(solution.work.components > 0, "{:?}", solution.work);
        assert_eq!(
            solve(&problem, &roots, &Limits::default()).unwrap(),
            solution
        );
    }
}

#[test]
fn equal_candidates_keep_the_problem_s_order() {
    let mut problem = Problem::new();
    let leaf = problem.add_resource(Cost::ZERO);
    let root = problem.add_class();
    let first = problem.add_candidate(Cost::new(1, 1), [leaf]);
    problem.add_candidate(Cost::new(1, 1), []);
    let solution = solve(&problem, &[root], &Limits::default()).unwrap();
    assert_eq!(solution.choice[root.index()], Some(first));
}

#[test]
fn a_root_that_only_needs_itself_is_named() {
    let mut problem = Problem::new();
    let first = problem.add_class();
    problem.add_candidate(Cost::ZERO, [ClassId(1)]);
    let second = problem.add_class();
    problem.add_candidate(Cost::ZERO, [first]);
    let error = solve(&problem, &[second], &Limits::default()).unwrap_err();
    assert_eq!(error, ExtractError::NoFiniteChoice { class: second });
    assert!(error.to_string().contains("class 1"));
}

#[test]
fn costs_that_could_overflow_are_refused() {
    let mut problem = Problem::new();
    let first = problem.add_resource(Cost::new(0, u64::MAX));
    let second = problem.add_resource(Cost::new(0, 1));
    let error = solve(&problem, &[first, second], &Limits::default()).unwrap_err();
    assert_eq!(error, ExtractError::CostOverflow);
}
