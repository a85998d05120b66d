//! What we tell people: severity, code, labels, help; rendered for a terminal or as JSON.
