//! Bytes to tree: a pickle of protocol 2 goes in, a [`Pickle`] or the fault with its offset comes out.
//!
//! Invariant: one opcode makes at most one node, so the tree is no larger than a constant times the bytes.
//! Invariant: never recurses; depth and cycles are checked before the tree is handed out.

use rustc_hash::FxHashMap;

use super::error::{PickleError, PickleFault};
use super::opcode::{self as op, name};
use super::tree::{Memo, Node, NodeId, Pickle, Slot, Style};

/// Values nested deeper than this are refused: whoever walks a tree may recurse.
pub const DEPTH_LIMIT: usize = 1000;

/// Takes down the values a pickle would make.
///
/// # Errors
/// When the bytes are cut short or damaged, use an opcode PyTorch's archives do not use, or describe a value that contains itself or is
/// nested too deep.
pub fn read(bytes: &[u8]) -> Result<Pickle, PickleError> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(PickleError {
            offset: 0,
            fault: PickleFault::TooLarge,
        });
    }
    if bytes.first_chunk() != Some(&[op::PROTO, 2]) {
        return Err(PickleError {
            offset: 0,
            fault: PickleFault::Protocol,
        });
    }
    let mut machine = Machine {
        bytes,
        at: 2,
        start: 2,
        slots: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: FxHashMap::default(),
    };
    let root = machine.run()?;
    let pickle = Pickle {
        slots: machine.slots,
        root,
    };
    check_shape(&pickle)?;
    Ok(pickle)
}

/// The stack machine of a pickle, which collects nodes instead of making objects.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Offset of the opcode at work.
    start: usize,
    slots: Vec<Slot>,
    stack: Vec<NodeId>,
    /// Heights of the stack at open marks.
    marks: Vec<usize>,
    memo: FxHashMap<u32, NodeId>,
}

type Step<T> = Result<T, PickleError>;

impl<'a> Machine<'a> {
    fn run(&mut self) -> Step<NodeId> {
        loop {
            self.start = self.at;
            let [code] = self.array("the pickle: there is no STOP")?;
            if code == op::STOP {
                return self.stop();
            }
            self.step(code)?;
        }
    }

    fn step(&mut self, code: u8) -> Step<()> {
        match code {
            op::MARK => self.marks.push(self.stack.len()),
            op::NONE => self.push(Node::None),
            op::NEWTRUE => self.push(Node::Bool(true)),
            op::NEWFALSE => self.push(Node::Bool(false)),
            op::BININT1 => {
                let [value] = self.array("BININT1")?;
                self.push(Node::Int(value.into()));
            }
            op::BININT2 => {
                let value = u16::from_le_bytes(self.array("BININT2")?);
                self.push(Node::Int(value.into()));
            }
            op::BININT => {
                let value = i32::from_le_bytes(self.array("BININT")?);
                self.push(Node::Int(value.into()));
            }
            op::LONG1 => self.long1()?,
            op::BINFLOAT => {
                let value = f64::from_be_bytes(self.array("BINFLOAT")?);
                self.push(Node::Float(value));
            }
            op::BINUNICODE => {
                let length = u32::from_le_bytes(self.array("BINUNICODE")?);
                let text = self.take("BINUNICODE", length as usize)?;
                let text = self.text(text)?;
                self.push(Node::Str(text.into()));
            }
            op::GLOBAL => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Node::Global {
                    module: module.into(),
                    name: name.into(),
                });
            }
            op::EMPTY_TUPLE => self.push(Node::Tuple(Vec::new())),
            op::TUPLE1 => self.short_tuple(code, 1)?,
            op::TUPLE2 => self.short_tuple(code, 2)?,
            op::TUPLE3 => self.short_tuple(code, 3)?,
            op::TUPLE => {
                let items = self.pop_mark(code)?;
                self.push(Node::Tuple(items));
                self.restyle_top(|style| style.marked = true);
            }
            op::EMPTY_LIST => self.push(Node::List(Vec::new())),
            op::EMPTY_DICT => self.push(Node::Dict(Vec::new())),
            op::APPEND => {
                let item = self.pop(code)?;
                self.append(code, vec![item])?;
            }
            op::APPENDS => {
                let items = self.pop_mark(code)?;
                self.append(code, items)?;
                self.restyle_top(|style| style.marked = true);
            }
            op::SETITEM => {
                let value = self.pop(code)?;
                let key = self.pop(code)?;
                self.set_items(code, vec![key, value])?;
            }
            op::SETITEMS => {
                let items = self.pop_mark(code)?;
                self.set_items(code, items)?;
                self.restyle_top(|style| style.marked = true);
            }
            op::REDUCE => self.reduce()?,
            op::NEWOBJ => self.new_object()?,
            op::BUILD => self.build()?,
            op::BINPERSID => {
                let args = self.pop(code)?;
                self.push(Node::PersistentId(args));
            }
            op::BINPUT => {
                let [key] = self.array("BINPUT")?;
                self.put(code, key.into())?;
            }
            op::LONG_BINPUT => {
                let key = u32::from_le_bytes(self.array("LONG_BINPUT")?);
                self.put(code, key)?;
            }
            op::BINGET => {
                let [key] = self.array("BINGET")?;
                self.get(key.into())?;
            }
            op::LONG_BINGET => {
                let key = u32::from_le_bytes(self.array("LONG_BINGET")?);
                self.get(key)?;
            }
            _ => {
                return self.fail(PickleFault::Opcode {
                    name: name(code),
                    code,
                });
            }
        }
        Ok(())
    }

    fn fail<T>(&self, fault: PickleFault) -> Step<T> {
        Err(PickleError {
            offset: self.start,
            fault,
        })
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Step<[u8; N]> {
        match self
            .bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk::<N>())
        {
            Some(field) => {
                self.at += N;
                Ok(*field)
            }
            None => self.fail(PickleFault::Truncated(what)),
        }
    }

    fn take(&mut self, what: &'static str, length: usize) -> Step<&'a [u8]> {
        let end = self.at.checked_add(length);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(field) => {
                self.at += length;
                Ok(field)
            }
            None => self.fail(PickleFault::Truncated(what)),
        }
    }

    /// Bytes up to the next line break, which is passed over.
    fn line(&mut self) -> Step<&'a str> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|&byte| byte == b'\n') else {
            return self.fail(PickleFault::Truncated("GLOBAL"));
        };
        let line = self.take("GLOBAL", length)?;
        self.at += 1;
        self.text(line)
    }

    fn text(&self, bytes: &'a [u8]) -> Step<&'a str> {
        str::from_utf8(bytes).or_else(|_| self.fail(PickleFault::Utf8))
    }

    fn push(&mut self, node: Node) {
        self.push_from(node, self.start);
    }

    fn push_from(&mut self, node: Node, offset: usize) {
        // The bytes are fewer than 2^32, and each opcode makes one node at most.
        let id = NodeId(self.slots.len() as u32);
        self.slots.push(Slot {
            node,
            style: Style::default(),
            offset: offset as u32,
        });
        self.stack.push(id);
    }

    /// The lowest height of the stack an opcode may reach.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self, code: u8) -> Step<NodeId> {
        match self.stack.len() > self.floor() {
            true => self
                .stack
                .pop()
                .map_or_else(|| self.fail(PickleFault::Stack(name(code))), Ok),
            false => self.fail(PickleFault::Stack(name(code))),
        }
    }

    fn top(&self, code: u8) -> Step<NodeId> {
        match self.stack.last() {
            Some(&top) if self.stack.len() > self.floor() => Ok(top),
            _ => self.fail(PickleFault::Stack(name(code))),
        }
    }

    fn pop_mark(&mut self, code: u8) -> Step<Vec<NodeId>> {
        match self.marks.pop() {
            Some(height) if height <= self.stack.len() => Ok(self.stack.split_off(height)),
            _ => self.fail(PickleFault::Stack(name(code))),
        }
    }

    fn slot(&mut self, id: NodeId) -> &mut Slot {
        match self.slots.get_mut(id.index()) {
            Some(slot) => slot,
            None => unreachable!("ids on the stack and in the memo are those of pushed nodes"),
        }
    }

    fn restyle_top(&mut self, change: impl FnOnce(&mut Style)) {
        if let Some(&top) = self.stack.last() {
            change(&mut self.slot(top).style);
        }
    }

    fn kind<T>(&mut self, code: u8, needs: &'static str, got: NodeId) -> Step<T> {
        let gets = self.slot(got).node.kind();
        self.fail(PickleFault::Kind {
            opcode: name(code),
            needs,
            gets,
        })
    }

    fn long1(&mut self) -> Step<()> {
        let [length] = self.array("LONG1")?;
        let digits = self.take("LONG1", length.into())?;
        let fill = if digits.last().is_some_and(|&high| high >= 0x80) {
            0xff
        } else {
            0
        };
        let mut value = [fill; 8];
        for (place, &digit) in value.iter_mut().zip(digits) {
            *place = digit;
        }
        let value = i64::from_le_bytes(value);
        let rest_is_sign =
            digits.iter().skip(8).all(|&digit| digit == fill) && (value < 0) == (fill == 0xff);
        if !rest_is_sign {
            return self.fail(PickleFault::WideInt);
        }
        self.push(Node::Int(value));
        Ok(())
    }

    fn short_tuple(&mut self, code: u8, length: usize) -> Step<()> {
        match self.stack.len().checked_sub(length) {
            Some(height) if height >= self.floor() => {
                let items = self.stack.split_off(height);
                self.push(Node::Tuple(items));
                Ok(())
            }
            _ => self.fail(PickleFault::Stack(name(code))),
        }
    }

    fn append(&mut self, code: u8, more: Vec<NodeId>) -> Step<()> {
        let target = self.top(code)?;
        match &mut self.slot(target).node {
            Node::List(items) => items.extend(more),
            _ => return self.kind(code, "a list", target),
        }
        self.changed(target);
        Ok(())
    }

    fn set_items(&mut self, code: u8, more: Vec<NodeId>) -> Step<()> {
        let target = self.top(code)?;
        let (pairs, rest) = more.as_chunks::<2>();
        if !rest.is_empty() {
            return self.fail(PickleFault::Stack(name(code)));
        }
        match &mut self.slot(target).node {
            Node::Dict(items) => items.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return self.kind(code, "a dictionary", target),
        }
        self.changed(target);
        Ok(())
    }

    /// A value that changes after it went into the memo went there early.
    fn changed(&mut self, id: NodeId) {
        let style = &mut self.slot(id).style;
        if style.memo == Memo::Late {
            style.memo = Memo::Early;
        }
    }

    fn reduce(&mut self) -> Step<()> {
        let args = self.pop(op::REDUCE)?;
        let callable = self.pop(op::REDUCE)?;
        if !matches!(self.slot(args).node, Node::Tuple(_)) {
            return self.kind(op::REDUCE, "a tuple of arguments", args);
        }
        if !matches!(self.slot(callable).node, Node::Global { .. }) {
            return self.kind(op::REDUCE, "a function", callable);
        }
        let offset = self.slot(callable).offset as usize;
        self.push_from(Node::Reduce { callable, args }, offset);
        Ok(())
    }

    fn new_object(&mut self) -> Step<()> {
        let args = self.pop(op::NEWOBJ)?;
        let class = self.pop(op::NEWOBJ)?;
        if !matches!(&self.slot(args).node, Node::Tuple(items) if items.is_empty()) {
            return self.kind(op::NEWOBJ, "an empty tuple", args);
        }
        if !matches!(self.slot(class).node, Node::Global { .. }) {
            return self.kind(op::NEWOBJ, "a class", class);
        }
        self.push(Node::Object { class, state: None });
        Ok(())
    }

    fn build(&mut self) -> Step<()> {
        let given = self.pop(op::BUILD)?;
        let target = self.top(op::BUILD)?;
        match &mut self.slot(target).node {
            Node::Object {
                state: state @ None,
                ..
            } => *state = Some(given),
            _ => return self.kind(op::BUILD, "a fresh object", target),
        }
        self.changed(target);
        Ok(())
    }

    fn put(&mut self, code: u8, key: u32) -> Step<()> {
        let top = self.top(code)?;
        self.memo.insert(key, top);
        self.slot(top).style.memo = Memo::Late;
        Ok(())
    }

    fn get(&mut self, key: u32) -> Step<()> {
        match self.memo.get(&key) {
            Some(&id) => {
                self.stack.push(id);
                Ok(())
            }
            None => self.fail(PickleFault::Memo(key)),
        }
    }

    fn stop(&mut self) -> Step<NodeId> {
        let root = self.pop(op::STOP)?;
        if !self.stack.is_empty() || !self.marks.is_empty() {
            return self.fail(PickleFault::LeftOver("values on the stack"));
        }
        if self.at != self.bytes.len() {
            return self.fail(PickleFault::LeftOver("bytes behind it"));
        }
        Ok(root)
    }
}

/// Walks the tree once, depth first, and refuses cycles and too deep nesting. A node's height is found when all its children's are.
fn check_shape(pickle: &Pickle) -> Result<(), PickleError> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done(usize),
    }
    let fault = |id: NodeId, fault| {
        Err(PickleError {
            offset: pickle.offset(id),
            fault,
        })
    };
    let mut marks = vec![Mark::New; pickle.slots.len()];
    let mut set = |id: NodeId, mark: Mark| match marks.get_mut(id.index()) {
        Some(place) => std::mem::replace(place, mark),
        None => unreachable!("there is a mark for every node"),
    };

    // Node, its next child, the height of the children so far.
    let mut path = vec![(pickle.root, 0, 0)];
    set(pickle.root, Mark::Open);
    while let Some((id, next, height)) = path.last_mut() {
        let Some(child) = pickle.node(*id).child(*next) else {
            let own = *height + 1;
            if own > DEPTH_LIMIT {
                return fault(*id, PickleFault::Depth(DEPTH_LIMIT));
            }
            set(*id, Mark::Done(own));
            path.pop();
            if let Some((_, _, height)) = path.last_mut() {
                *height = own.max(*height);
            }
            continue;
        };
        *next += 1;
        match set(child, Mark::Open) {
            Mark::New => path.push((child, 0, 0)),
            Mark::Open => return fault(child, PickleFault::Cycle),
            Mark::Done(own) => {
                *height = own.max(*height);
                set(child, Mark::Done(own));
            }
        }
    }
    Ok(())
}
