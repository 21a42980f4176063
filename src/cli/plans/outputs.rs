//! Files that reports go to, and their formats.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::UsageError;
use crate::cli::report::{Format, Output};

/// Where reports go, and in which format: a file's by its name, or by `--format` where the name does not say or the file
/// is the only one.
pub(super) fn outputs(files: Vec<PathBuf>, format: Option<Format>) -> Result<Vec<Output>, UsageError> {
    if files.is_empty() {
        return Ok(vec![Output { format: format.unwrap_or_default(), path: None }]);
    }
    if let Some(twice) = files.iter().enumerate().find(|(place, path)| files[..*place].contains(path)) {
        return Err(UsageError::new(format!("'{}' is named twice: give each report a name", twice.1.display())));
    }
    let alone = files.len() == 1;
    let output = |path: PathBuf| {
        if path == Path::new("-") {
            return Ok(Output { format: format.unwrap_or_default(), path: None });
        }
        let ending = path.extension().and_then(OsStr::to_str);
        let by_name = ending.and_then(Format::of_extension);
        let format = if alone { format.or(by_name) } else { by_name.or(format) };
        match (format, ending) {
            (None, Some(ending)) => Err(UsageError::new(format!(
                "the ending .{ending} names no format: write .txt, .csv, .json, .md or .html, or add --format"
            ))),
            _ => Ok(Output { format: format.unwrap_or_default(), path: Some(path) }),
        }
    };
    files.into_iter().map(output).collect()
}
