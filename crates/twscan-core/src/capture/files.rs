use std::sync::Arc;

use super::container::Section;
use crate::procfs::Files;

/// The files of `/proc` of a sample. They stay packed, so that a long series takes no more memory than its file.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredFiles {
    sections: Arc<Vec<Section>>,
    bytes: usize,
    /// What the recording lacked and somebody else told.
    supplied: Files,
}

impl StoredFiles {
    pub(super) fn pack(files: &Files) -> Self {
        Self { sections: Arc::new(pack(files)), ..Self::default() }
    }

    /// Takes a section that was read, once it has proved whole.
    pub(super) fn add(&mut self, section: &Section) -> Result<(), &'static str> {
        let raw = section.unpack()?;
        self.bytes += raw.len();
        if self.bytes > MOST_BYTES {
            return Err("a sample has more files than there are");
        }
        unpack(&raw, &mut Files::new())?;
        Arc::make_mut(&mut self.sections).push(section.clone());
        Ok(())
    }

    pub(super) fn unpack(&self) -> Files {
        let mut files = self.supplied.clone();
        for raw in self.sections.iter().filter_map(|section| section.unpack().ok()) {
            // Each was found whole when it was added.
            let _ = unpack(&raw, &mut files);
        }
        files
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.unpack().contains_key(name)
    }

    /// Adds a file; whether there was none of this name.
    pub(super) fn supply(&mut self, name: &str, content: Vec<u8>) -> bool {
        let absent = !self.has(name);
        if absent {
            self.supplied.insert(name.to_owned(), content);
        }
        absent
    }

    pub(super) fn to_sections(&self) -> Vec<Section> {
        let mut sections = self.sections.as_ref().clone();
        if !self.supplied.is_empty() {
            sections.extend(pack(&self.supplied));
        }
        sections
    }
}

/// Each file as the length of its name (16 bits), the length of its content (32 bits), name and content.
fn pack(files: &Files) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut raw = Vec::new();
    for (name, content) in files {
        let content = content.get(..MOST_FILE).unwrap_or(content);
        let (Ok(name_len), Ok(len)) = (u16::try_from(name.len()), u32::try_from(content.len())) else { continue };
        if !raw.is_empty() && raw.len() + name.len() + content.len() > MOST_FILE {
            sections.push(Section::pack(FILES, &raw));
            raw.clear();
        }
        raw.extend_from_slice(&name_len.to_le_bytes());
        raw.extend_from_slice(&len.to_le_bytes());
        raw.extend_from_slice(name.as_bytes());
        raw.extend_from_slice(content);
    }
    sections.push(Section::pack(FILES, &raw));
    sections
}

fn unpack(mut raw: &[u8], files: &mut Files) -> Result<(), &'static str> {
    while !raw.is_empty() {
        let parsed = raw.split_first_chunk().and_then(|(name_len, rest)| {
            let (len, rest) = rest.split_first_chunk()?;
            let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*name_len)))?;
            let (content, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            Some((std::str::from_utf8(name).ok()?, content, rest))
        });
        let (name, content, rest) = parsed.ok_or("a file is longer than its section")?;
        files.insert(name.to_owned(), content.to_vec());
        raw = rest;
    }
    Ok(())
}

/// Files of `/proc`.
pub(super) const FILES: [u8; 4] = *b"FILE";

/// The most bytes that are kept of a file.
const MOST_FILE: usize = 512 * 1024;

/// The most bytes that a reader takes for one sample: the real ones have some ten thousand.
const MOST_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_and_what_was_recorded_is_kept() {
        let files = Files::from([("a".to_owned(), vec![7; 300_000]), ("b".to_owned(), vec![8; 600_000])]);
        let mut read = StoredFiles::default();
        let sections = StoredFiles::pack(&files).to_sections();
        assert_eq!(sections.len(), 2);
        sections.iter().for_each(|section| read.add(section).unwrap());
        assert!(!read.supply("a", vec![1]) && read.supply("c", vec![2]));
        let unpacked = read.unpack();
        assert_eq!((unpacked["a"].len(), unpacked["b"].len(), &unpacked["c"]), (300_000, MOST_FILE, &vec![2]));
    }

    #[test]
    fn a_bomb_of_files_is_refused() {
        let section = StoredFiles::pack(&Files::from([("a".to_owned(), vec![0; MOST_FILE])])).to_sections().remove(0);
        let mut read = StoredFiles::default();
        let refused = (0..64).find_map(|_| read.add(&section).err());
        assert_eq!(refused, Some("a sample has more files than there are"));
    }
}
