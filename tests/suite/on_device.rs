//! Models that quantize themselves where they run: what is refused.

use crate::command::{Place, root};

#[test]
fn what_cannot_be_packed_is_refused_with_its_place() {
    let place = Place::new();
    let refused = root().join("tests/models/on_device_refused/transposed.pt");
    let refused = refused.to_str().expect("a path in UTF-8");
    let ran = place.run(&format!(
        "optimize {refused} -o out.pt --pipeline torch.on_device"
    ));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("code/__torch__/"), "{}", ran.err);
    assert!(ran.err.contains("the weight is computed"), "{}", ran.err);
    let ran = place.run(&format!(
        "optimize {refused} -o out.pt --pipeline torch.on_device --method backward"
    ));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(
        ran.err.contains("no method `quantize_backward`"),
        "{}",
        ran.err
    );
    assert!(place.names().is_empty());
}
