//! The currencies of ISO 4217 in circulation, with their exponents: for amounts that name their currency by its code.
//!
//! A source that has currency records of its own says the exponent itself; this table is for people and programs that
//! only say `EUR`. Funds codes and precious metals are left out.

/// Codes without digits after the decimal point.
const EXPONENT_0: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
/// Codes with three.
const EXPONENT_3: &str = "BHD IQD JOD KWD LYD OMR TND";
/// All others have two.
const EXPONENT_2: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
    IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN \
    MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD \
    SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

/// Digits after the decimal point of a currency; none for what is no currency in circulation.
pub fn exponent(code: &str) -> Option<u8> {
    let among = |codes: &str| codes.split_whitespace().any(|known| known == code);
    if among(EXPONENT_2) {
        Some(2)
    } else if among(EXPONENT_0) {
        Some(0)
    } else {
        among(EXPONENT_3).then_some(3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::CurrencyCode;

    #[test]
    fn knows_the_exponents_and_no_strangers() {
        assert_eq!([exponent("EUR"), exponent("JPY"), exponent("KWD")], [Some(2), Some(0), Some(3)]);
        for stranger in ["", "eur", "XXX", "EURO", "EUR USD", "XAU"] {
            assert_eq!(exponent(stranger), None, "{stranger}");
        }
        let all: Vec<_> =
            [EXPONENT_0, EXPONENT_2, EXPONENT_3].into_iter().flat_map(str::split_whitespace).collect();
        let mut unique = all.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), all.len(), "no code stands in two lists");
        assert!(all.iter().all(|code| CurrencyCode::new(code).is_ok()));
    }
}
