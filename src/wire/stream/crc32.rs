//! CRC-32 as zip, gzip and Ethernet have it (ISO 3309: polynomial 0x04C11DB7, reflected), sixteen bytes at a time.

/// Of the bytes so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Crc32(u32);

/// Bytes that are looked up at once: a table each.
const STRIDE: usize = 16;

static TABLES: [[u32; 256]; STRIDE] = tables();

impl Crc32 {
    pub fn update(&mut self, bytes: &[u8]) {
        let mut crc = !self.0;
        let (strides, rest) = bytes.as_chunks::<STRIDE>();
        for stride in strides {
            let mut mixed = *stride;
            for (byte, so_far) in mixed.iter_mut().zip(crc.to_le_bytes()) {
                *byte ^= so_far;
            }
            // The first byte has the farthest to go.
            crc = 0;
            for (table, byte) in TABLES.iter().rev().zip(mixed) {
                crc ^= table[usize::from(byte)];
            }
        }
        for byte in rest {
            let [low, ..] = crc.to_le_bytes();
            crc = TABLES[0][usize::from(low ^ byte)] ^ (crc >> 8);
        }
        self.0 = !crc;
    }

    pub fn value(self) -> u32 {
        self.0
    }
}

/// `[n][b]` is what a byte `b` comes to when `n` zeros follow it.
const fn tables() -> [[u32; 256]; STRIDE] {
    let mut tables = [[0_u32; 256]; STRIDE];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let mask = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (0xEDB8_8320 & mask);
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut zeros = 1;
    while zeros < STRIDE {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[zeros - 1][byte];
            tables[zeros][byte] = tables[0][(before & 255) as usize] ^ (before >> 8);
            byte += 1;
        }
        zeros += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = Crc32::default();
        crc.update(bytes);
        crc.value()
    }

    #[test]
    fn it_is_the_one_that_everybody_has() {
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let sentence = b"The quick brown fox jumps over the lazy dog";
        assert_eq!(crc32(sentence), 0x414F_A339);
        assert_eq!(crc32(&[0; 32]), 0x190A_55AD);
        assert_eq!(crc32(&[0xFF; 32]), 0xFF6C_AB0B);
    }

    /// A bit at a time, as it is defined.
    fn defined(bytes: &[u8]) -> u32 {
        let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 }
            })
        });
        !crc
    }

    proptest! {
        #[test]
        fn it_is_what_is_defined_however_the_bytes_come(parts: Vec<Vec<u8>>) {
            let mut crc = Crc32::default();
            for part in &parts {
                crc.update(part);
            }
            prop_assert_eq!(crc.value(), defined(&parts.concat()));
        }
    }
}
