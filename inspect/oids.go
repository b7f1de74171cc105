package inspect

// The object identifiers that the layout of what follows depends on.
const (
	oidRSA         = "1.2.840.113549.1.1.1"
	oidMGF1        = "1.2.840.113549.1.1.8"
	oidRSAPSS      = "1.2.840.113549.1.1.10"
	oidECPublicKey = "1.2.840.10045.2.1"
	oidX25519      = "1.3.101.110"
	oidX448        = "1.3.101.111"
	oidEd25519     = "1.3.101.112"
	oidEd448       = "1.3.101.113"
	oidCPS         = "1.3.6.1.5.5.7.2.1"
	oidUserNotice  = "1.3.6.1.5.5.7.2.2"
	oidOCSPBasic   = "1.3.6.1.5.5.7.48.1.1"
)

// signsInPairs has the signature algorithms whose value is a pair of numbers,
// r and s: ECDSA, DSA and SM2.
var signsInPairs = map[string]bool{
	"1.2.840.10045.4.1": true, "1.2.840.10045.4.3.1": true, "1.2.840.10045.4.3.2": true, "1.2.840.10045.4.3.3": true,
	"1.2.840.10045.4.3.4": true, "1.2.840.10040.4.3": true, "2.16.840.1.101.3.4.3.1": true, "2.16.840.1.101.3.4.3.2": true,
	"1.2.156.10197.1.501": true,
}

// attributeNames has the short names of what a distinguished name is made of
// (RFC 4514 section 3).
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.6": "C", "2.5.4.9": "STREET",
	"0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID",
}

// attributeName is how a name's text calls an attribute.
func attributeName(id string) string {
	if short, ok := attributeNames[id]; ok {
		return short
	}
	return shortOID(id)
}

// shortOID returns the name alone, or the number where there is none.
func shortOID(id string) string {
	if name, ok := oidNames[id]; ok {
		return name
	}
	if id == "" {
		return "?"
	}
	return id
}

// oidLabel returns the name and the number beside it, as in "commonName
// (2.5.4.3)".
func oidLabel(id string) string {
	if name, ok := oidNames[id]; ok {
		return name + " (" + id + ")"
	}
	return id
}

// oidNames has the names in the words of the standard that each line names.
var oidNames = map[string]string{
	// Attributes: RFC 5280 appendix A.1, RFC 4519, X.520, RFC 2985.
	"2.5.4.3":                    "commonName",
	"2.5.4.4":                    "surname",
	"2.5.4.5":                    "serialNumber",
	"2.5.4.6":                    "countryName",
	"2.5.4.7":                    "localityName",
	"2.5.4.8":                    "stateOrProvinceName",
	"2.5.4.9":                    "streetAddress",
	"2.5.4.10":                   "organizationName",
	"2.5.4.11":                   "organizationalUnitName",
	"2.5.4.12":                   "title",
	"2.5.4.13":                   "description",
	"2.5.4.15":                   "businessCategory",
	"2.5.4.17":                   "postalCode",
	"2.5.4.41":                   "name",
	"2.5.4.42":                   "givenName",
	"2.5.4.43":                   "initials",
	"2.5.4.44":                   "generationQualifier",
	"2.5.4.46":                   "dnQualifier",
	"2.5.4.65":                   "pseudonym",
	"2.5.4.97":                   "organizationIdentifier",
	"0.9.2342.19200300.100.1.1":  "userId",
	"0.9.2342.19200300.100.1.25": "domainComponent",
	"1.2.840.113549.1.9.1":       "emailAddress",
	// CA/Browser Forum, EV guidelines.
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionLocalityName",
	"1.3.6.1.4.1.311.60.2.1.2": "jurisdictionStateOrProvinceName",
	"1.3.6.1.4.1.311.60.2.1.3": "jurisdictionCountryName",

	// Keys: RFC 3279, RFC 4055, RFC 5480, RFC 8410, RFC 9881.
	oidRSA:                    "rsaEncryption",
	oidRSAPSS:                 "id-RSASSA-PSS",
	oidMGF1:                   "id-mgf1",
	"1.2.840.113549.1.1.7":    "id-RSAES-OAEP",
	"1.2.840.10040.4.1":       "id-dsa",
	"1.2.840.10046.2.1":       "dhpublicnumber",
	oidECPublicKey:            "id-ecPublicKey",
	"1.3.132.1.12":            "id-ecDH",
	"1.3.132.1.13":            "id-ecMQV",
	oidX25519:                 "id-X25519",
	oidX448:                   "id-X448",
	oidEd25519:                "id-Ed25519",
	oidEd448:                  "id-Ed448",
	"2.16.840.1.101.3.4.3.17": "id-ml-dsa-44",
	"2.16.840.1.101.3.4.3.18": "id-ml-dsa-65",
	"2.16.840.1.101.3.4.3.19": "id-ml-dsa-87",

	// Curves: RFC 5480 section 2.1.1.1, RFC 5639, SEC 2.
	"1.2.840.10045.3.1.1":   "secp192r1",
	"1.2.840.10045.3.1.7":   "secp256r1",
	"1.3.132.0.33":          "secp224r1",
	"1.3.132.0.34":          "secp384r1",
	"1.3.132.0.35":          "secp521r1",
	"1.3.132.0.10":          "secp256k1",
	"1.3.36.3.3.2.8.1.1.7":  "brainpoolP256r1",
	"1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1",
	"1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1",
	"1.2.156.10197.1.301":   "curveSM2",

	// Signatures: RFC 3279 section 2.2, RFC 4055, RFC 5758, GM/T 0006.
	"1.2.840.113549.1.1.2":   "md2WithRSAEncryption",
	"1.2.840.113549.1.1.4":   "md5WithRSAEncryption",
	"1.2.840.113549.1.1.5":   "sha1WithRSAEncryption",
	"1.2.840.113549.1.1.11":  "sha256WithRSAEncryption",
	"1.2.840.113549.1.1.12":  "sha384WithRSAEncryption",
	"1.2.840.113549.1.1.13":  "sha512WithRSAEncryption",
	"1.2.840.113549.1.1.14":  "sha224WithRSAEncryption",
	"1.2.840.10040.4.3":      "id-dsa-with-sha1",
	"2.16.840.1.101.3.4.3.1": "id-dsa-with-sha224",
	"2.16.840.1.101.3.4.3.2": "id-dsa-with-sha256",
	"1.2.840.10045.4.1":      "ecdsa-with-SHA1",
	"1.2.840.10045.4.3.1":    "ecdsa-with-SHA224",
	"1.2.840.10045.4.3.2":    "ecdsa-with-SHA256",
	"1.2.840.10045.4.3.3":    "ecdsa-with-SHA384",
	"1.2.840.10045.4.3.4":    "ecdsa-with-SHA512",
	"1.2.156.10197.1.501":    "SM2-with-SM3",

	// Hashes: RFC 3279, RFC 4055 section 2.1.
	"1.2.840.113549.2.5":     "id-md5",
	"1.3.14.3.2.26":          "id-sha1",
	"2.16.840.1.101.3.4.2.1": "id-sha256",
	"2.16.840.1.101.3.4.2.2": "id-sha384",
	"2.16.840.1.101.3.4.2.3": "id-sha512",
	"2.16.840.1.101.3.4.2.4": "id-sha224",

	// Extensions: RFC 5280 section 4.2, without the "id-ce-" and "id-pe-".
	"2.5.29.9":           "subjectDirectoryAttributes",
	"2.5.29.14":          "subjectKeyIdentifier",
	"2.5.29.15":          "keyUsage",
	"2.5.29.16":          "privateKeyUsagePeriod",
	"2.5.29.17":          "subjectAltName",
	"2.5.29.18":          "issuerAltName",
	"2.5.29.19":          "basicConstraints",
	"2.5.29.20":          "cRLNumber",
	"2.5.29.21":          "cRLReason",
	"2.5.29.24":          "invalidityDate",
	"2.5.29.30":          "nameConstraints",
	"2.5.29.31":          "cRLDistributionPoints",
	"2.5.29.32":          "certificatePolicies",
	"2.5.29.33":          "policyMappings",
	"2.5.29.35":          "authorityKeyIdentifier",
	"2.5.29.36":          "policyConstraints",
	"2.5.29.37":          "extKeyUsage",
	"2.5.29.46":          "freshestCRL",
	"2.5.29.54":          "inhibitAnyPolicy",
	"1.3.6.1.5.5.7.1.1":  "authorityInfoAccess",
	"1.3.6.1.5.5.7.1.3":  "qcStatements", // RFC 3739
	"1.3.6.1.5.5.7.1.11": "subjectInfoAccess",
	"1.3.6.1.5.5.7.1.24": "tlsfeature", // RFC 7633
	// RFC 6962 section 3.3 and 3.1; they have no names of their own there.
	"1.3.6.1.4.1.11129.2.4.2": "SignedCertificateTimestampList",
	"1.3.6.1.4.1.11129.2.4.3": "precertificate poison",
	"1.3.6.1.4.1.11129.2.4.4": "precertificate signing",
	"1.3.6.1.4.1.11129.2.4.5": "SignedCertificateTimestampList (OCSP)",
	"1.3.6.1.4.1.44363.44":    "delegationUsage", // RFC 9345 section 4.2
	"2.16.840.1.113730.1.1":   "netscape-cert-type",
	"2.16.840.1.113730.1.13":  "netscape-comment",

	// Key purposes: RFC 5280 section 4.2.1.12; document signing RFC 9336.
	"2.5.29.37.0":            "anyExtendedKeyUsage",
	"1.3.6.1.5.5.7.3.1":      "id-kp-serverAuth",
	"1.3.6.1.5.5.7.3.2":      "id-kp-clientAuth",
	"1.3.6.1.5.5.7.3.3":      "id-kp-codeSigning",
	"1.3.6.1.5.5.7.3.4":      "id-kp-emailProtection",
	"1.3.6.1.5.5.7.3.5":      "id-kp-ipsecEndSystem", // RFC 2459
	"1.3.6.1.5.5.7.3.6":      "id-kp-ipsecTunnel",
	"1.3.6.1.5.5.7.3.7":      "id-kp-ipsecUser",
	"1.3.6.1.5.5.7.3.8":      "id-kp-timeStamping",
	"1.3.6.1.5.5.7.3.9":      "id-kp-OCSPSigning",
	"1.3.6.1.5.5.7.3.36":     "id-kp-documentSigning",
	"1.3.6.1.4.1.311.10.3.3": "msSGC",
	"2.16.840.1.113730.4.1":  "nsSGC",
	"1.3.6.1.4.1.311.20.2.2": "msSmartcardLogin",
	"1.3.6.1.4.1.311.20.2.3": "msUPN",

	// Access methods: RFC 5280 section 4.2.2.
	"1.3.6.1.5.5.7.48.1": "id-ad-ocsp",
	"1.3.6.1.5.5.7.48.2": "id-ad-caIssuers",
	"1.3.6.1.5.5.7.48.3": "id-ad-timeStamping",
	"1.3.6.1.5.5.7.48.5": "id-ad-caRepository",

	// Policies: RFC 5280 section 4.2.1.4; CA/Browser Forum.
	"2.5.29.32.0":    "anyPolicy",
	oidCPS:           "id-qt-cps",
	oidUserNotice:    "id-qt-unotice",
	"2.23.140.1.1":   "extended-validation",
	"2.23.140.1.2.1": "domain-validated",
	"2.23.140.1.2.2": "organization-validated",
	"2.23.140.1.2.3": "individual-validated",

	// OCSP: RFC 6960 sections 4.2.1 and 4.4.
	oidOCSPBasic:           "id-pkix-ocsp-basic",
	"1.3.6.1.5.5.7.48.1.2": "id-pkix-ocsp-nonce",
	"1.3.6.1.5.5.7.48.1.3": "id-pkix-ocsp-crl",
	"1.3.6.1.5.5.7.48.1.4": "id-pkix-ocsp-response",
	"1.3.6.1.5.5.7.48.1.5": "id-pkix-ocsp-nocheck",
	"1.3.6.1.5.5.7.48.1.6": "id-pkix-ocsp-archive-cutoff",
	"1.3.6.1.5.5.7.48.1.7": "id-pkix-ocsp-service-locator",
	"1.3.6.1.5.5.7.48.1.8": "id-pkix-ocsp-pref-sig-algs",
	"1.3.6.1.5.5.7.48.1.9": "id-pkix-ocsp-extended-revoke",
}
