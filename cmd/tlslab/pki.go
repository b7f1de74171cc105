package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/pki"
	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
)

// dataDir is where serve keeps what it makes, by the XDG Base Directory Specification.
func dataDir() string { return filepath.Join(xdg.DataHome, "tlslab") }

// openPKI opens the lab's own authority, and makes it on first use.
func openPKI() (*pki.Dir, error) { return openPKIFor(string(pki.ECDSA)) }

// openPKIFor is openPKI for whoever makes keys of another type.
func openPKIFor(keys string) (*pki.Dir, error) {
	return pki.Open(filepath.Join(dataDir(), "pki"), time.Now(), pki.KeyType(keys))
}

func (p *program) pki() *cobra.Command {
	cmd := &cobra.Command{
		Use:                   "pki " + p.say("cmd_command_arg"),
		Short:                 p.say("cmd_pki_short"),
		Long:                  p.say("cmd_pki_long"),
		Example:               p.say("cmd_pki_example"),
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return p.unknownCommand(cmd, args[0])
			}
			return p.pkiShow()
		},
	}
	cmd.AddCommand(p.pkiShowCommand(), p.pkiCACommand(), p.pkiServerCommand(), p.pkiClientCommand(), p.pkiRenewCommand(), p.pkiRevokeCommand(), p.pkiCRLCommand())
	return cmd
}

func (p *program) pkiShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: p.say("cmd_pki_show_short"), Long: p.say("cmd_pki_show_long"), Args: p.noArgs, DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error { return p.pkiShow() },
	}
}

func (p *program) pkiCACommand() *cobra.Command {
	keys := newKeyType()
	cmd := &cobra.Command{
		Use: "ca " + p.say("cmd_options"), Short: p.say("cmd_pki_ca_short"), Long: p.say("cmd_pki_ca_long"), Example: p.say("cmd_pki_ca_example"), Args: p.noArgs,
		DisableFlagsInUseLine: true,
		RunE:                  func(*cobra.Command, []string) error { return p.pkiCA(keys) },
	}
	choose(cmd, keys, "key-type", p.say("cmd_flag_key_type"))
	return cmd
}

func (p *program) pkiServerCommand() *cobra.Command {
	keys := newKeyType()
	cmd := &cobra.Command{
		Use: "server " + p.say("cmd_options") + " " + p.say("cmd_names_arg"), Short: p.say("cmd_pki_server_short"), Long: p.say("cmd_pki_server_long"),
		Example: p.say("cmd_pki_server_example"), DisableFlagsInUseLine: true, Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, names []string) error { return p.pkiServer(keys, names) },
	}
	choose(cmd, keys, "key-type", p.say("cmd_flag_key_type"))
	return cmd
}

func (p *program) pkiClientCommand() *cobra.Command {
	keys, role := newKeyType(), newChoice("", kvs.Writer.String(), kvs.Reader.String())
	cmd := &cobra.Command{
		Use: "client " + p.say("cmd_name_arg") + " " + p.say("cmd_options"), Short: p.say("cmd_pki_client_short"), Long: p.say("cmd_pki_client_long"),
		Example: p.say("cmd_pki_client_example"), DisableFlagsInUseLine: true, Args: p.oneName,
		RunE: func(_ *cobra.Command, args []string) error { return p.pkiClient(keys, args[0], role.value) },
	}
	choose(cmd, role, "role", p.say("cmd_flag_client_role"))
	choose(cmd, keys, "key-type", p.say("cmd_flag_key_type"))
	return cmd
}

func (p *program) pkiRenewCommand() *cobra.Command {
	keys := newChoice(append([]string{""}, keyTypes...)...)
	cmd := &cobra.Command{
		Use: "renew " + p.say("cmd_optional_name_arg") + " " + p.say("cmd_options"), Short: p.say("cmd_pki_renew_short"), Long: p.say("cmd_pki_renew_long"),
		Example: p.say("cmd_pki_renew_example"), DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(p.say("cmd_too_many_words", "command", cmd.Name(), "word", safe(args[1])))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return p.pkiRenew(keys, args) },
	}
	choose(cmd, keys, "key-type", p.say("cmd_flag_new_key"))
	return cmd
}

func (p *program) pkiRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke " + p.say("cmd_name_arg"), Short: p.say("cmd_pki_revoke_short"), Long: p.say("cmd_pki_revoke_long"),
		Example: p.say("cmd_pki_revoke_example"), DisableFlagsInUseLine: true, Args: p.oneName,
		RunE: func(_ *cobra.Command, args []string) error { return p.pkiRevoke(args[0]) },
	}
}

func (p *program) pkiCRLCommand() *cobra.Command {
	return &cobra.Command{
		Use: "crl", Short: p.say("cmd_pki_crl_short"), Long: p.say("cmd_pki_crl_long"), Example: p.say("cmd_pki_crl_example"), Args: p.noArgs, DisableFlagsInUseLine: true,
		RunE: func(*cobra.Command, []string) error { return p.pkiCRL() },
	}
}

var keyTypes = []string{string(pki.ECDSA), string(pki.RSA), string(pki.Ed25519)}

func newKeyType() *choice { return newChoice(keyTypes...) }

// oneName wants one argument.
func (p *program) oneName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage(p.say("cmd_wants_one_name", "command", cmd.Name()))
	}
	return nil
}

// pkiShow describes every certificate in the folder.
func (p *program) pkiShow() error {
	dir, err := openPKI()
	if err != nil {
		return err
	}
	if _, err := dir.Server(); err != nil && !errors.As(err, new(*pki.RevokedError)) {
		return err
	}
	fmt.Fprintln(p.out, p.say("cmd_pki_folder", "path", safe(filepath.Dir(dir.CertFile("ca")))))
	names, err := pkiNames(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		p.exposed(p.out, dir.KeyFile(name))
	}
	revocations := dir.Revocations()
	var bad error
	for _, name := range names {
		certificate, err := pki.Load(dir.CertFile(name), dir.KeyFile(name))
		if err != nil {
			bad = err
			continue
		}
		fmt.Fprintln(p.out)
		p.describe(dir.CertFile(name), certificate.Leaf)
		if err := p.describeEnd(name, certificate.Leaf, revocations); err != nil {
			bad = err
		}
	}
	return bad
}

// exposed says of each of these key files that others may read it, if they may.
func (p *program) exposed(out io.Writer, keys ...string) {
	for _, key := range keys {
		const others = 0o077
		if info, err := os.Stat(key); err == nil && info.Mode().Perm()&others != 0 && runtime.GOOS != "windows" {
			fmt.Fprintln(out, p.say("cmd_key_exposed", "path", safe(key), "command", safe("chmod 600 "+shellQuote(key))))
		}
	}
}

// pkiNames returns the names that have a certificate in the folder.
func pkiNames(dir *pki.Dir) (names []string, err error) {
	files, err := filepath.Glob(filepath.Join(filepath.Dir(dir.CRLFile()), "*.pem"))
	for _, file := range files {
		if file != dir.CRLFile() {
			names = append(names, strings.TrimSuffix(filepath.Base(file), ".pem"))
		}
	}
	return names, err
}

// describe prints a certificate, a fact a line.
func (p *program) describe(file string, c *x509.Certificate) {
	p.fact("cmd_pki_file", file)
	p.fact("cmd_pki_subject", c.Subject.String())
	if names := namesOf(c); names != "" {
		p.fact("cmd_pki_names", names)
	}
	if role := kvs.RoleOf(c); role != kvs.Anyone {
		p.fact("cmd_pki_role", role.String())
	}
	p.fact("cmd_pki_key_type", keyOf(c))
	p.fact("cmd_pki_issuer", c.Issuer.String())
	p.fact("cmd_pki_valid", p.say("cmd_pki_from_until", "from", day(c.NotBefore), "until", day(c.NotAfter)))
	p.fact("cmd_pki_fingerprint", fingerprint(c))
}

// describeEnd prints how long a certificate is good for, and what to do if that is not long.
func (p *program) describeEnd(name string, c *x509.Certificate, revocations *pki.RevocationList) error {
	left := time.Until(c.NotAfter)
	if left > 0 {
		p.fact("cmd_pki_left", strconv.Itoa(daysOf(left)))
	} else {
		p.fact("cmd_pki_left", p.say("cmd_pki_expired"))
	}
	if name == "ca" {
		return nil
	}
	var revoked *pki.RevokedError
	switch err := revocations.Check(c); {
	case errors.As(err, &revoked):
		p.fact("cmd_pki_revoked", day(revoked.Since))
		fmt.Fprintln(p.out, p.say("cmd_pki_renew_revoked", "command", p.name+" pki renew "+name))
	case err != nil:
		return err
	case left < pki.RenewBefore:
		fmt.Fprintln(p.out, p.say("cmd_pki_renew_soon", "command", p.name+" pki renew "+name))
	}
	return nil
}

func daysOf(d time.Duration) int { return int(d / (24 * time.Hour)) }

// keyOf names the type of a certificate's key.
func keyOf(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA, " + key.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA, %d bits", key.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return c.PublicKeyAlgorithm.String()
}

func (p *program) fact(label, value string) {
	fmt.Fprintf(p.out, "%s: %s\n", p.say(label), safe(value))
}

// fingerprint is the SHA-256 of a certificate, as openssl x509 -fingerprint -sha256 writes it.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// pkiCA prints the path alone, so that it can stand in another command.
func (p *program) pkiCA(keys *choice) error {
	dir, err := openPKIFor(keys.value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, safe(dir.CertFile("ca")))
	return err
}

// pkiCRL prints the path alone, as pkiCA does.
func (p *program) pkiCRL() error {
	dir, err := openPKI()
	if err != nil {
		return err
	}
	path, err := dir.CRL()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, safe(path))
	return err
}

func (p *program) pkiServer(keys *choice, names []string) error {
	if _, err := openPKI(); err != nil { // the authority has a key of the usual type
		return err
	}
	dir, err := openPKIFor(keys.value)
	if err != nil {
		return err
	}
	if len(names) == 0 && isTerminal(p.in) && isTerminal(p.out) {
		if names, err = p.askForNames(); err != nil {
			return err
		}
	}
	certificate, err := dir.Server(names...)
	if bad := (*pki.ServerNameError)(nil); errors.As(err, &bad) {
		return usage(p.say("cmd_pki_bad_server_name", "name", safe(bad.Name)))
	}
	if err != nil {
		return err
	}
	p.describe(dir.CertFile("server"), certificate.Leaf)
	p.fact("cmd_pki_key", dir.KeyFile("server"))
	return nil
}

// askForNames asks on a terminal for what the server's certificate is for. An empty line is the names of this host.
func (p *program) askForNames() ([]string, error) {
	fmt.Fprintln(p.out, p.say("cmd_pki_ask_names", "names", strings.Join(pki.DefaultServerNames(), " ")))
	fmt.Fprint(p.out, "> ")
	line, err := bufio.NewReader(p.in).ReadString('\n')
	if err != nil {
		fmt.Fprintln(p.out)
		return nil, errSaid
	}
	return strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\r' || r == '\n' }), nil
}

func (p *program) pkiClient(keys *choice, name, role string) error {
	if _, err := openPKI(); err != nil { // the authority has a key of the usual type
		return err
	}
	dir, err := openPKIFor(keys.value)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir.CertFile(name)); role == "" && errors.Is(err, fs.ErrNotExist) {
		role = kvs.Writer.String()
	}
	var units []string
	was := kvs.Anyone
	if role != "" {
		units = []string{role}
		if old, err := pki.Load(dir.CertFile(name), dir.KeyFile(name)); err == nil {
			was = kvs.RoleOf(old.Leaf)
		}
	}
	issued, err := dir.Client(name, units...)
	if errors.Is(err, pki.ErrClientName) {
		return usage(p.say("cmd_pki_bad_name", "name", safe(name)))
	}
	if err != nil {
		return err
	}
	certificate, key := dir.CertFile(name), dir.KeyFile(name)
	p.fact("cmd_pki_certificate", certificate)
	p.fact("cmd_pki_key", key)
	p.fact("cmd_pki_role", kvs.RoleOf(issued.Leaf).String())
	if is := kvs.RoleOf(issued.Leaf); was != kvs.Anyone && was != is {
		fmt.Fprintln(p.out, p.say("cmd_pki_role_changed", "name", safe(name), "was", was.String()))
	}
	fmt.Fprintln(p.out, p.say("cmd_pki_client_use",
		"command", p.name+" client --cert "+shellQuote(certificate)+" --key "+shellQuote(key)))
	return nil
}

// pkiRenew renews the certificate of a name, or all that end soon.
func (p *program) pkiRenew(keys *choice, names []string) error {
	dir, err := openPKI()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		if names, err = endingSoon(dir); err != nil {
			return err
		}
		if len(names) == 0 {
			fmt.Fprintln(p.out, p.say("cmd_pki_nothing_to_renew", "days", daysOf(pki.RenewBefore)))
			return nil
		}
	}
	var kind []pki.KeyType
	if keys.value != "" {
		kind = append(kind, pki.KeyType(keys.value))
	}
	for _, name := range names {
		if name == "ca" {
			return usage(p.say("cmd_pki_renew_ca"))
		}
		certificate, err := dir.Renew(name, kind...)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.out, p.say("cmd_pki_renewed", "path", safe(dir.CertFile(name)), "until", day(certificate.Leaf.NotAfter)))
	}
	return nil
}

// endingSoon returns the names whose certificates should be renewed; not those that were revoked.
func endingSoon(dir *pki.Dir) (soon []string, err error) {
	names, err := pkiNames(dir)
	if err != nil {
		return nil, err
	}
	revocations := dir.Revocations()
	for _, name := range names {
		certificate, err := pki.Load(dir.CertFile(name), dir.KeyFile(name))
		if err != nil {
			return nil, err
		}
		if name != "ca" && time.Until(certificate.Leaf.NotAfter) < pki.RenewBefore && revocations.Check(certificate.Leaf) == nil {
			soon = append(soon, name)
		}
	}
	return soon, nil
}

func (p *program) pkiRevoke(name string) error {
	dir, err := openPKI()
	if err != nil {
		return err
	}
	n, err := dir.Revoke(name)
	switch {
	case errors.Is(err, pki.ErrNotIssued):
		return failed(p.say("cmd_pki_not_issued", "name", safe(name), "command", p.name+" pki show"), err)
	case err != nil:
		return err
	case n == 0:
		fmt.Fprintln(p.out, p.say("cmd_pki_revoked_before", "name", safe(name)))
		return nil
	}
	fmt.Fprintln(p.out, p.say("cmd_pki_revoked_now", "name", safe(name), "count", n, "path", safe(dir.CRLFile())))
	if name == "server" {
		fmt.Fprintln(p.out, p.say("cmd_pki_revoked_server", "command", p.name+" pki renew server"))
		return nil
	}
	fmt.Fprintln(p.out, p.say("cmd_pki_revoked_means"))
	return nil
}
