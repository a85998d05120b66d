//! The rule library that the program carries: the files under `patterns/`, by module name.
//!
//! Invariant: the texts are those of the files when the program was built; nothing is read at run time.

/// A module of the library.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Full name: `torch.quantized`.
    pub module: &'static str,
    /// Path from the top of the project.
    pub path: &'static str,
    /// The text.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($module:literal: $path:literal,)*) => {
        /// All modules, in order.
        pub const SHIPPED: &[Shipped] = &[$(Shipped {
            module: $module,
            path: concat!("patterns/", $path),
            text: include_str!(concat!("../../patterns/", $path)),
        },)*];
    };
}

shipped! {
    "torch": "torch.fold",
    "torch.clean": "torch/clean.fold",
    "torch.fusion": "torch/fusion.fold",
    "torch.hoisting": "torch/hoisting.fold",
    "torch.linear": "torch/linear.fold",
    "torch.linear_dynamic": "torch/linear_dynamic.fold",
    "torch.modules": "torch/modules.fold",
    "torch.packing": "torch/packing.fold",
    "torch.quantized": "torch/quantized.fold",
    "torch.xnnpack": "torch/xnnpack.fold",
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::SHIPPED;

    fn files(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_pattern_file_is_carried_under_its_module_name() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        files(&root.join("patterns"), &mut found);
        found.sort();
        let mut carried: Vec<PathBuf> = SHIPPED.iter().map(|file| root.join(file.path)).collect();
        carried.sort();
        assert_eq!(found, carried);
        for file in SHIPPED {
            let path = file
                .path
                .trim_start_matches("patterns/")
                .trim_end_matches(".fold");
            assert_eq!(path.replace('/', "."), file.module);
        }
    }
}
