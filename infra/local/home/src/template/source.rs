//! Where the text of a template and its stacks comes from.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

/// A root template and the files that it names.
#[derive(Debug, Clone)]
pub enum TemplateSource {
    /// Files on disk, beside the root template.
    Folder {
        /// The root template's path.
        root: PathBuf,
    },
    /// Files compiled into the program.
    Embedded {
        /// The root template's name among the files.
        root: &'static str,
        /// Paths, relative to the project's root and with `/` between their parts, and texts.
        files: &'static [(&'static str, &'static str)],
    },
}

impl TemplateSource {
    /// The name of the root template, as messages give it.
    pub(crate) fn root(&self) -> String {
        match self {
            TemplateSource::Folder { root } => root
                .file_name()
                .map_or_else(|| "template.yaml".into(), |name| name.to_string_lossy().into_owned()),
            TemplateSource::Embedded { root, .. } => (*root).to_owned(),
        }
    }

    /// The text of a file, named relative to the root template's folder.
    pub(crate) fn read(&self, file: &str) -> Result<Cow<'static, str>, String> {
        match self {
            TemplateSource::Folder { root } => {
                let path = root.parent().unwrap_or(Path::new("")).join(file);
                std::fs::read_to_string(&path)
                    .map(Cow::Owned)
                    .map_err(|error| format!("{} cannot be read: {error}", path.display()))
            }
            TemplateSource::Embedded { files, .. } => files
                .iter()
                .find(|(name, _)| *name == file)
                .map(|(_, text)| Cow::Borrowed(*text))
                .ok_or_else(|| format!("{file} is not among the files compiled into this program")),
        }
    }
}

/// The name of a file that another file names, relative to the root template's folder.
pub(crate) fn relative_to(file: &str, location: &str) -> String {
    let mut parts: Vec<String> = Path::new(file)
        .parent()
        .into_iter()
        .flat_map(Path::components)
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    for part in Path::new(location).components() {
        match part {
            Component::ParentDir if parts.last().is_some_and(|last| last != "..") => {
                parts.pop();
            }
            Component::CurDir => {}
            other => parts.push(other.as_os_str().to_string_lossy().into_owned()),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_taken_from_the_file_that_names_it() {
        assert_eq!(relative_to("template.yaml", "./infra/stacks/data.yaml"), "infra/stacks/data.yaml");
        assert_eq!(relative_to("infra/stacks/api.yaml", "../openapi.json"), "infra/openapi.json");
    }
}
