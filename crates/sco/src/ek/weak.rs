//! Keys that can be broken from the public key alone.

use std::fmt;

use num_bigint::BigUint;
use num_integer::Integer as _;

use super::EndorsementKey;

/// What makes a key one that others can break.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Weakness {
    /// A prime below [`Screen::SMALL`] divides its modulus.
    SmallFactor,
    /// Its primes are of the form that a library of Infineon made (CVE-2017-15361, ROCA).
    Roca,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SmallFactor => write!(
                f,
                "its modulus has a prime factor below {}: it is damaged or made to be broken, so export it again and do \
                 not use it if it stays the same",
                Screen::SMALL
            ),
            Self::Roca => f.write_str(
                "it can be broken (CVE-2017-15361, ROCA): its TPM made it with a faulty library, so update the TPM's \
                 firmware and make a new endorsement key, or use another machine",
            ),
        }
    }
}

/// Tells weak keys, with what it has worked out once.
///
/// Nothing it handles is secret: these are moduli of public keys.
#[derive(Clone, Debug)]
pub struct Screen {
    /// The product of every prime below [`Self::SMALL`].
    small: BigUint,
    roca: Roca,
}

impl Screen {
    /// Primes below this one are looked for.
    pub const SMALL: u32 = 1 << 16;

    /// A screen; making one takes some milliseconds.
    #[must_use]
    pub fn new() -> Self {
        let primes = primes_below(Self::SMALL);
        Self { small: product(&primes), roca: Roca::new(&primes) }
    }

    /// Whether `key` is weak by itself.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn judge(&self, key: &EndorsementKey) -> Result<(), Weakness> {
        let modulus = key.modulus();
        if (&self.small % &modulus).gcd(&modulus) != BigUint::from(1_u8) {
            return Err(Weakness::SmallFactor);
        }
        if self.roca.matches(&modulus) {
            return Err(Weakness::Roca);
        }
        Ok(())
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

/// The fingerprint of moduli whose primes are `k · M + (65537^a mod M)`, M the product of the first primes: then the
/// modulus is a power of 65537 modulo each of them.
///
/// Whether it is one modulo M, here the product of the primes up to 167, is told by discrete logarithms in the subgroup
/// that 65537 generates; its order has only small factors, so each is found by trying (Pohlig and Hellman). A modulus
/// that was made otherwise passes with a chance of about 2^-154.
/// Source: Nemec, Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, CCS 2017, 2.1 and 3.
#[derive(Clone, Debug)]
struct Roca {
    m: BigUint,
    order: u64,
    /// The powers of primes whose product is `order`.
    parts: Vec<u64>,
}

impl Roca {
    fn new(primes: &[u32]) -> Self {
        let primes: Vec<u32> = primes.iter().copied().filter(|prime| *prime <= 167).collect();
        let order = primes.iter().fold(1_u64, |order, prime| order.lcm(&order_of_generator(*prime)));
        let mut parts = Vec::new();
        let mut rest = order;
        for prime in primes.iter().map(|prime| u64::from(*prime)) {
            let mut power = 1;
            while rest % prime == 0 {
                (power, rest) = (power * prime, rest / prime);
            }
            if power > 1 {
                parts.push(power);
            }
        }
        Self { m: product(&primes), order, parts }
    }

    fn matches(&self, modulus: &BigUint) -> bool {
        let element = modulus % &self.m;
        let one = BigUint::from(1_u8);
        if element.modpow(&self.order.into(), &self.m) != one {
            return false;
        }
        self.parts.iter().all(|part| {
            let cofactor = BigUint::from(self.order / part);
            let base = BigUint::from(GENERATOR).modpow(&cofactor, &self.m);
            let wanted = element.modpow(&cofactor, &self.m);
            let mut power = one.clone();
            (0..*part).any(|_| {
                let found = power == wanted;
                power = &power * &base % &self.m;
                found
            })
        })
    }
}

/// How often 65537 must be multiplied by itself to be 1 modulo `prime`.
fn order_of_generator(prime: u32) -> u64 {
    let base = GENERATOR % prime;
    let (mut power, mut order) = (base, 1);
    while power > 1 {
        power = power * base % prime;
        order += 1;
    }
    order
}

fn primes_below(limit: u32) -> Vec<u32> {
    let mut composite = vec![false; limit as usize];
    let mut primes = Vec::new();
    for number in 2..limit {
        if !composite[number as usize] {
            primes.push(number);
            for multiple in (number as usize * 2..limit as usize).step_by(number as usize) {
                composite[multiple] = true;
            }
        }
    }
    primes
}

/// The product of `numbers`, halves first.
fn product(numbers: &[u32]) -> BigUint {
    match numbers {
        [] => BigUint::from(1_u8),
        [number] => BigUint::from(*number),
        more => {
            let (low, high) = more.split_at(more.len() / 2);
            product(low) * product(high)
        }
    }
}

const GENERATOR: u32 = 65537;

#[cfg(test)]
mod tests {
    use super::*;

    /// `k · M + (65537^a mod M)` of 1024 bits with the product of the first 126 primes, as the faulty library chose its
    /// candidates for keys of 2048 bits; the fingerprint does not depend on whether they are prime.
    fn faulty(k: u64, a: u64) -> BigUint {
        let primes: Vec<u32> = primes_below(702);
        assert_eq!(primes.len(), 126);
        let m = product(&primes);
        BigUint::from(k) * &m + BigUint::from(GENERATOR).modpow(&a.into(), &m)
    }

    #[test]
    fn the_subgroup_is_the_one_of_the_paper() {
        let roca = Roca::new(&primes_below(Screen::SMALL));

        assert_eq!(roca.order, 2_454_106_387_091_158_800);
        assert_eq!(roca.m.bits(), 220);
    }

    #[test]
    fn what_the_faulty_library_made_is_told() {
        let roca = Roca::new(&primes_below(Screen::SMALL));

        for seed in 1..20_u64 {
            let p = faulty(0x3000_0000_0000 + seed, seed * 0x9e37_79b9);
            let q = faulty(0x3000_1000_0000 + seed, seed * 0x7f4a_7c15);
            assert!(roca.matches(&(&p * &q)), "{seed}");
            assert!(!roca.matches(&(p * q + 2_u8)), "{seed}");
        }
    }

    #[test]
    fn the_primes_are_primes() {
        let primes = primes_below(Screen::SMALL);

        assert_eq!(primes.len(), 6542);
        assert_eq!(primes.last(), Some(&65521));
    }
}
