//! Tree to bytes: a [`Pickle`] goes in, a pickle of protocol 2 in the style of PyTorch's C++ pickler comes out. Strings and globals go into
//! the memo at their first use by value; other values when their style says so, or when they are used more than once.
//!
//! Invariant: never recurses, and writes a shared value once.

use rustc_hash::FxHashMap;

use super::opcode as op;
use super::tree::{Memo, Node, NodeId, Pickle};

/// The bytes of the pickle.
#[must_use]
pub fn write(pickle: &Pickle) -> Vec<u8> {
    let mut writer = Writer {
        pickle,
        out: vec![op::PROTO, 2],
        shared: shared(pickle),
        next_key: 0,
        nodes: FxHashMap::default(),
        strings: FxHashMap::default(),
        globals: FxHashMap::default(),
    };
    let mut todo = vec![Todo::Value(pickle.root)];
    while let Some(next) = todo.pop() {
        match next {
            Todo::Value(id) => writer.value(id, &mut todo),
            Todo::Opcode(code) => writer.out.push(code),
            Todo::Put(id) => writer.put_node(id),
        }
    }
    writer.out.push(op::STOP);
    writer.out
}

/// What is still to be written.
enum Todo {
    Value(NodeId),
    Opcode(u8),
    Put(NodeId),
}

struct Writer<'a> {
    pickle: &'a Pickle,
    out: Vec<u8>,
    shared: Vec<bool>,
    next_key: u32,
    nodes: FxHashMap<NodeId, u32>,
    strings: FxHashMap<&'a str, u32>,
    globals: FxHashMap<(&'a str, &'a str), u32>,
}

/// Which nodes are reached from the root more than once.
fn shared(pickle: &Pickle) -> Vec<bool> {
    let mut seen = vec![false; pickle.slots.len()];
    let mut shared = seen.clone();
    let mut todo = vec![pickle.root];
    while let Some(id) = todo.pop() {
        let (Some(seen), Some(shared)) = (seen.get_mut(id.index()), shared.get_mut(id.index()))
        else {
            unreachable!("there is a place for every node");
        };
        if std::mem::replace(seen, true) {
            *shared = true;
            continue;
        }
        let node = pickle.node(id);
        todo.extend((0..).map_while(|at| node.child(at)));
    }
    shared
}

impl<'a> Writer<'a> {
    /// Writes the value, or leaves in `todo` what remains of it, last things first.
    fn value(&mut self, id: NodeId, todo: &mut Vec<Todo>) {
        if let Some(&key) = self.nodes.get(&id) {
            return self.get(key);
        }
        let pickle = self.pickle;
        let marked = pickle.style(id).marked;
        match pickle.node(id) {
            Node::None => self.out.push(op::NONE),
            Node::Bool(true) => self.out.push(op::NEWTRUE),
            Node::Bool(false) => self.out.push(op::NEWFALSE),
            Node::Int(value) => self.int(*value),
            Node::Float(value) => {
                self.out.push(op::BINFLOAT);
                self.out.extend(value.to_be_bytes());
            }
            Node::Str(text) => self.string(text),
            Node::Global { module, name } => self.global(module, name),
            Node::Tuple(items) => {
                let code = match items.len() {
                    0 if !marked => op::EMPTY_TUPLE,
                    1 if !marked => op::TUPLE1,
                    2 if !marked => op::TUPLE2,
                    3 if !marked => op::TUPLE3,
                    _ => {
                        self.out.push(op::MARK);
                        op::TUPLE
                    }
                };
                // The shared empty tuple costs as much as a reference to it.
                let worth = !items.is_empty() || pickle.style(id).memo != Memo::No;
                self.put_late(id, worth, todo);
                todo.push(Todo::Opcode(code));
                todo.extend(items.iter().rev().map(|&item| Todo::Value(item)));
            }
            Node::List(items) => {
                self.out.push(op::EMPTY_LIST);
                self.put_early(id);
                self.put_late(id, true, todo);
                if marked {
                    self.out.push(op::MARK);
                    todo.push(Todo::Opcode(op::APPENDS));
                    todo.extend(items.iter().rev().map(|&item| Todo::Value(item)));
                } else {
                    todo.extend(
                        items
                            .iter()
                            .rev()
                            .flat_map(|&item| [Todo::Opcode(op::APPEND), Todo::Value(item)]),
                    );
                }
            }
            Node::Dict(pairs) => {
                self.out.push(op::EMPTY_DICT);
                self.put_early(id);
                self.put_late(id, true, todo);
                if marked {
                    self.out.push(op::MARK);
                    todo.push(Todo::Opcode(op::SETITEMS));
                    todo.extend(
                        pairs
                            .iter()
                            .rev()
                            .flat_map(|&(key, value)| [Todo::Value(value), Todo::Value(key)]),
                    );
                } else {
                    let pair = |&(key, value): &_| {
                        [
                            Todo::Opcode(op::SETITEM),
                            Todo::Value(value),
                            Todo::Value(key),
                        ]
                    };
                    todo.extend(pairs.iter().rev().flat_map(pair));
                }
            }
            Node::Reduce { callable, args } => {
                self.put_late(id, true, todo);
                todo.extend([
                    Todo::Opcode(op::REDUCE),
                    Todo::Value(*args),
                    Todo::Value(*callable),
                ]);
            }
            Node::Object { class, state } => {
                if let Node::Global { module, name } = pickle.node(*class) {
                    self.global(module, name);
                }
                self.out.extend([op::EMPTY_TUPLE, op::NEWOBJ]);
                self.put_early(id);
                self.put_late(id, true, todo);
                todo.extend(
                    state
                        .iter()
                        .flat_map(|&state| [Todo::Opcode(op::BUILD), Todo::Value(state)]),
                );
            }
            Node::PersistentId(args) => {
                self.put_late(id, true, todo);
                todo.extend([Todo::Opcode(op::BINPERSID), Todo::Value(*args)]);
            }
        }
    }

    fn put_early(&mut self, id: NodeId) {
        if self.pickle.style(id).memo == Memo::Early {
            self.put_node(id);
        }
    }

    /// Leaves the memo entry for after the value, if it is to have one and `worth` it.
    fn put_late(&self, id: NodeId, worth: bool, todo: &mut Vec<Todo>) {
        let shared = self.shared.get(id.index()).copied().unwrap_or_default();
        let wanted = match self.pickle.style(id).memo {
            Memo::Early => false,
            Memo::Late => true,
            Memo::No => shared,
        };
        if wanted && worth {
            todo.push(Todo::Put(id));
        }
    }

    fn put_node(&mut self, id: NodeId) {
        let key = self.put();
        self.nodes.insert(id, key);
    }

    fn put(&mut self) -> u32 {
        let key = self.next_key;
        self.next_key += 1;
        self.keyed(op::BINPUT, op::LONG_BINPUT, key);
        key
    }

    fn get(&mut self, key: u32) {
        self.keyed(op::BINGET, op::LONG_BINGET, key);
    }

    fn keyed(&mut self, short: u8, long: u8, key: u32) {
        match u8::try_from(key) {
            Ok(key) => self.out.extend([short, key]),
            Err(_) => {
                self.out.push(long);
                self.out.extend(key.to_le_bytes());
            }
        }
    }

    fn int(&mut self, value: i64) {
        if let Ok(value) = u8::try_from(value) {
            self.out.extend([op::BININT1, value]);
        } else if let Ok(value) = u16::try_from(value) {
            self.out.push(op::BININT2);
            self.out.extend(value.to_le_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.out.push(op::BININT);
            self.out.extend(value.to_le_bytes());
        } else {
            self.out.extend([op::LONG1, 8]);
            self.out.extend(value.to_le_bytes());
        }
    }

    fn string(&mut self, text: &'a str) {
        if let Some(&key) = self.strings.get(text) {
            return self.get(key);
        }
        let Ok(length) = u32::try_from(text.len()) else {
            unreachable!("strings come out of pickles below 4 GiB or name things of a model")
        };
        self.out.push(op::BINUNICODE);
        self.out.extend(length.to_le_bytes());
        self.out.extend(text.as_bytes());
        let key = self.put();
        self.strings.insert(text, key);
    }

    fn global(&mut self, module: &'a str, name: &'a str) {
        if let Some(&key) = self.globals.get(&(module, name)) {
            return self.get(key);
        }
        self.out.push(op::GLOBAL);
        for line in [module, name] {
            self.out.extend(line.as_bytes());
            self.out.push(b'\n');
        }
        let key = self.put();
        self.globals.insert((module, name), key);
    }
}
