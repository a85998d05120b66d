//! Text to tokens.
//!
//! In: any text. Out: tokens that cover it without gaps, blanks and comments included; the formatter, highlighting and the item
//! splitter work on them.
//!
//! Invariant: the tokens' ranges follow each other from 0 to the end of the text.
//! Invariant: no text is refused; what is no token is [`TokenKind::Unknown`] or [`TokenKind::OpenText`].
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use logos::Logos;

/// The kinds of tokens.
#[derive(Logos, Debug, PartialEq, Eq, Hash, Clone, Copy)]
pub enum TokenKind {
    /// Blanks, tabs, line breaks.
    #[regex(r"[ \t\r\n]+")]
    Blank,
    /// `// ...` or `# ...`, without the line break.
    #[regex(r"(//|#)[^\n]*", allow_greedy = true)]
    Comment,
    /// `/// ...`
    #[regex(r"///[^\n]*", doc_or_rule, allow_greedy = true, priority = 20)]
    Doc,
    /// `//! ...`
    #[regex(r"//![^\n]*", allow_greedy = true, priority = 20)]
    ModuleDoc,
    /// `%x.1`, `%"any text"`
    #[regex(r"%[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")]
    #[regex("%\"([^\"\\\\\n]|\\\\.)+\"")]
    Value,
    /// `aten::conv{D}d`
    #[regex(
        r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*(::([A-Za-z0-9_]|\.[A-Za-z0-9_]|\{[A-Za-z_][A-Za-z0-9_]*\})+)+"
    )]
    OpName,
    /// A bare word.
    #[regex(r"[A-Za-z_][A-Za-z0-9_]*")]
    Word,
    /// `1`, `0.5`, `6.`, `1e-5`
    #[regex(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")]
    Number,
    /// `"text"`
    #[regex(r#""([^"\\\n]|\\.)*""#)]
    Text,
    /// A string whose line ends before its closing quote.
    #[regex(r#"%?"([^"\\\n]|\\.)*"#)]
    OpenText,
    /// `...`
    #[token("...")]
    Each,
    /// `..`
    #[token("..")]
    Rest,
    /// `<=>`
    #[token("<=>")]
    Both,
    /// `=>`
    #[token("=>")]
    To,
    /// `->`
    #[token("->")]
    Arrow,
    /// `==`
    #[token("==")]
    EqEq,
    /// `!=`
    #[token("!=")]
    NotEq,
    /// `<=`
    #[token("<=")]
    LessEq,
    /// `>=`
    #[token(">=")]
    GreaterEq,
    /// `(`, `[` or `{`
    #[regex(r"[(\[{]")]
    Open,
    /// `)`, `]` or `}`
    #[regex(r"[)\]}]")]
    Close,
    /// `,`
    #[token(",")]
    Comma,
    /// `:`
    #[token(":")]
    Colon,
    /// `=`
    #[token("=")]
    Equals,
    /// `@`
    #[token("@")]
    At,
    /// Any other sign: `< > . | ? * + - / !`
    #[regex(r"[<>.|?*+\-/!]")]
    Sign,
    /// A character that the language does not use.
    Unknown,
}

/// A line of four slashes is a comment (a ruler), not documentation.
fn doc_or_rule(lexer: &mut logos::Lexer<'_, TokenKind>) -> TokenKind {
    if lexer.slice().starts_with("////") {
        TokenKind::Comment
    } else {
        TokenKind::Doc
    }
}

/// A token: its kind and its bytes.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

impl Token {
    /// Its text in `text`, which must be the text it was made from.
    pub fn text(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or("")
    }

    /// Whether it is a blank or a comment, which mean nothing.
    pub fn is_trivia(self) -> bool {
        matches!(self.kind, TokenKind::Blank | TokenKind::Comment)
    }

    /// Whether it starts a line of `text`.
    pub fn in_column_0(self, text: &str) -> bool {
        match self.start.checked_sub(1) {
            None => true,
            Some(before) => text.as_bytes().get(before) == Some(&b'\n'),
        }
    }
}

/// The tokens of a text, without gaps. Neighbouring unknown characters make one token.
pub fn lex(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = vec![];
    for (kind, range) in TokenKind::lexer(text).spanned() {
        let kind = kind.unwrap_or(TokenKind::Unknown);
        match tokens.last_mut() {
            Some(last) if kind == TokenKind::Unknown && last.kind == kind => last.end = range.end,
            _ => tokens.push(Token {
                kind,
                start: range.start,
                end: range.end,
            }),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        lex(text)
            .into_iter()
            .filter(|token| token.kind != TokenKind::Blank)
            .map(|token| token.kind)
            .collect()
    }

    #[test]
    fn longest_token_wins() {
        use TokenKind::*;
        assert_eq!(
            kinds("aten::conv{D}d(%x.1, args...)"),
            [OpName, Open, Value, Comma, Word, Each, Close]
        );
        assert_eq!(
            kinds("a -> b => c <=> d"),
            [Word, Arrow, Word, To, Word, Both, Word]
        );
        assert_eq!(
            kinds("/// doc\n//! module\n//// ruler\n// x\n# y"),
            [Doc, ModuleDoc, Comment, Comment, Comment]
        );
        assert_eq!(
            kinds("%\"a b\" \"c\\\"d\" \"open\n%\"open"),
            [Value, Text, OpenText, OpenText]
        );
        assert_eq!(
            kinds("1 0.5 6. 1e-5 torch.a"),
            [Number, Number, Number, Number, Word, Sign, Word]
        );
        assert_eq!(kinds("é€ ;"), [Unknown, Unknown]);
    }

    proptest! {
        #[test]
        fn tokens_lose_nothing(text in "\\PC*|[ -~\n]*") {
            let mut end = 0;
            for token in lex(&text) {
                prop_assert_eq!(token.start, end);
                prop_assert!(token.end > end);
                end = token.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
