// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // openssl's older default for encrypted keys
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // PBKDF2's default PRF
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

// The parts of RFC 5208 and RFC 8018 (PBES2) that ENCRYPTED PRIVATE KEY blocks use.
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2Params struct {
		KDF, Cipher pkix.AlgorithmIdentifier
	}
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// prfByOID and cipherByOID are keyed by the dotted form.
var (
	prfByOID = map[string]func() hash.Hash{
		"1.2.840.113549.2.7":  sha1.New,
		"1.2.840.113549.2.9":  sha256.New,
		"1.2.840.113549.2.10": sha512.New384,
		"1.2.840.113549.2.11": sha512.New,
	}
	cipherByOID = map[string]struct {
		keyBytes int
		block    func([]byte) (cipher.Block, error)
	}{
		"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
		"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
		"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	}
)

// maxPBKDF2Iterations bounds the work a key file may ask for.
const maxPBKDF2Iterations = 10_000_000

// decryptPKCS8 opens an EncryptedPrivateKeyInfo and returns the PKCS#8 key in it.
func decryptPKCS8(der []byte, password string) ([]byte, error) {
	var e encryptedKey
	if _, err := asn1.Unmarshal(der, &e); err != nil {
		return nil, errors.New("ssl.key.password is set, but the private key is not an ENCRYPTED PRIVATE KEY (PKCS#8)")
	}
	if !e.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, fmt.Errorf("private key encryption %v is not supported: use PBES2 (openssl pkcs8 -topk8 -v2 aes256)", e.Algorithm.Algorithm)
	}
	var params pbes2Params
	if _, err := asn1.Unmarshal(e.Algorithm.Parameters.FullBytes, &params); err != nil {
		return nil, fmt.Errorf("read private key encryption: %w", err)
	}
	spec, ok := cipherByOID[params.Cipher.Algorithm.String()]
	if !ok || !params.KDF.Algorithm.Equal(oidPBKDF2) {
		return nil, fmt.Errorf("private key encryption %v with %v is not supported: use PBKDF2 with AES-CBC", params.KDF.Algorithm, params.Cipher.Algorithm)
	}
	var kdf pbkdf2Params
	var iv []byte
	if _, err := asn1.Unmarshal(params.KDF.Parameters.FullBytes, &kdf); err != nil {
		return nil, fmt.Errorf("read private key encryption: %w", err)
	}
	if _, err := asn1.Unmarshal(params.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, fmt.Errorf("read private key encryption: %w", err)
	}
	prf := prfByOID["1.2.840.113549.2.7"]
	if len(kdf.PRF.Algorithm) > 0 {
		if prf = prfByOID[kdf.PRF.Algorithm.String()]; prf == nil {
			return nil, fmt.Errorf("key derivation %v is not supported", kdf.PRF.Algorithm)
		}
	}
	if kdf.Iterations < 1 || kdf.Iterations > maxPBKDF2Iterations {
		return nil, fmt.Errorf("key derivation asks for %d iterations", kdf.Iterations)
	}
	secret, err := pbkdf2.Key(prf, password, kdf.Salt, kdf.Iterations, spec.keyBytes)
	if err != nil {
		return nil, err
	}
	block, err := spec.block(secret)
	if err != nil {
		return nil, err
	}
	return decryptCBC(block, iv, e.Data)
}

func decryptCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, errors.New("encrypted private key is damaged")
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	pad := int(out[len(out)-1])
	if pad == 0 || pad > size {
		return nil, errors.New("private key cannot be decrypted: wrong ssl.key.password")
	}
	for _, b := range out[len(out)-pad:] {
		if int(b) != pad {
			return nil, errors.New("private key cannot be decrypted: wrong ssl.key.password")
		}
	}
	return out[:len(out)-pad], nil
}
