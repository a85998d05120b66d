//! Strongly connected components by Tarjan's algorithm, without recursion.
//!
//! In: a graph as a function from a node to its successors, and where to start. Out: the reached nodes, components one after another,
//! each after all components it leads to.
//!
//! Invariant: the order depends on the successors' order and the starts only.

/// The reached nodes in an order in which successors come first, except within a component.
#[derive(Debug, Default)]
pub(super) struct Components {
    /// Reached nodes; a component's are contiguous.
    pub order: Vec<u32>,
    /// Where each component starts in `order`, and the length of `order` last.
    pub bounds: Vec<u32>,
}

const UNSEEN: u32 = u32::MAX;

/// Finds the components that `starts` lead to, in a graph of `nodes` nodes.
pub(super) fn components<'a>(
    nodes: usize,
    starts: &[u32],
    successors: impl Fn(u32) -> &'a [u32],
) -> Components {
    let mut found = Components {
        order: Vec::new(),
        bounds: vec![0],
    };
    let mut number = vec![UNSEEN; nodes];
    let mut low = vec![0u32; nodes];
    let mut finished = vec![false; nodes];
    let mut open: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, &[u32])> = Vec::new();
    let mut count = 0;
    for &start in starts {
        if number[start as usize] != UNSEEN {
            continue;
        }
        let mut enter = Some(start);
        loop {
            if let Some(node) = enter.take() {
                number[node as usize] = count;
                low[node as usize] = count;
                count += 1;
                open.push(node);
                path.push((node, successors(node)));
            }
            let Some((node, rest)) = path.last_mut() else {
                break;
            };
            let node = *node;
            if let Some((&next, others)) = rest.split_first() {
                *rest = others;
                if number[next as usize] == UNSEEN {
                    enter = Some(next);
                } else if !finished[next as usize] {
                    low[node as usize] = low[node as usize].min(number[next as usize]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low[*parent as usize] = low[*parent as usize].min(low[node as usize]);
            }
            if low[node as usize] == number[node as usize] {
                while let Some(member) = open.pop() {
                    finished[member as usize] = true;
                    found.order.push(member);
                    if member == node {
                        break;
                    }
                }
                found.bounds.push(found.order.len() as u32);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_come_after_what_they_lead_to() {
        let edges: [&[u32]; 6] = [&[1], &[2, 3], &[1], &[4], &[], &[0]];
        let found = components(6, &[0], |node| edges[node as usize]);
        assert_eq!(found.order, [4, 3, 2, 1, 0]);
        assert_eq!(found.bounds, [0, 1, 2, 4, 5]);
    }
}
