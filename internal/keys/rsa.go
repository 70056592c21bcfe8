package keys

import (
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math"
	"math/big"
)

const (
	minRSABits = 2048
	maxRSABits = 8192
)

func checkRSASize(bits int) error {
	switch {
	case bits < minRSABits:
		return fmt.Errorf("the RSA key has %d bits; at least %d are required", bits, minRSABits)
	case bits > maxRSABits:
		return fmt.Errorf("the RSA key has %d bits; at most %d are accepted", bits, maxRSABits)
	}
	return nil
}

// rsaNumbers are the numbers of an RSA key with two primes, in the order of RSAPrivateKey in PKCS#1
// (RFC 8017, appendix A.1.2). A missing number is nil.
type rsaNumbers struct {
	Version       int
	N, E, D, P, Q *big.Int
	DP, DQ, QI    *big.Int `asn1:"optional"`
}

var rsaEncryption = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}

// rsaFromDER parses an RSA key in PKCS#1 or PKCS#8. ok is false for any other kind of key. The
// numbers of a damaged RSA key are nil.
func rsaFromDER(der []byte) (r rsaNumbers, ok bool) {
	var wrapped struct {
		Version int
		Algo    pkix.AlgorithmIdentifier
		Private []byte
	}
	if _, err := asn1.Unmarshal(der, &wrapped); err == nil && wrapped.Algo.Algorithm.Equal(rsaEncryption) {
		der, ok = wrapped.Private, true
	}
	if rest, err := asn1.Unmarshal(der, &r); err != nil || len(rest) > 0 {
		return rsaNumbers{}, ok
	}
	return r, true
}

// key checks the numbers and returns the key. It checks all sizes before it computes anything,
// because crypto/rsa takes minutes for a prime of 50000 bits, and callers may send their own key.
func (r rsaNumbers) key() (Key, error) {
	if r.N == nil {
		return Key{}, errDamaged
	}
	if err := checkRSASize(r.N.BitLen()); err != nil {
		return Key{}, err
	}
	for _, required := range []*big.Int{r.E, r.D, r.P, r.Q} {
		if required == nil || required.Sign() <= 0 || required.Cmp(r.N) >= 0 {
			return Key{}, errDamaged
		}
	}
	if r.E.Cmp(big.NewInt(math.MaxInt32)) > 0 || new(big.Int).Mul(r.P, r.Q).Cmp(r.N) != 0 {
		return Key{}, errDamaged
	}
	private := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: r.N, E: int(r.E.Int64())},
		D:         r.D,
		Primes:    []*big.Int{r.P, r.Q},
	}
	private.Precompute()
	if private.Validate() != nil {
		return Key{}, errDamaged
	}
	computed := private.Precomputed
	for _, crt := range []struct{ given, computed *big.Int }{
		{r.DP, computed.Dp}, {r.DQ, computed.Dq}, {r.QI, computed.Qinv},
	} {
		if crt.given != nil && crt.given.Cmp(crt.computed) != 0 {
			return Key{}, errDamaged
		}
	}
	return newKey(private)
}
