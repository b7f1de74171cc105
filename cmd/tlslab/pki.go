package main

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"example.com/tlslab/kvs/pki"
	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
)

// dataDir is where serve keeps what it makes, by the XDG Base Directory Specification.
func dataDir() string { return filepath.Join(xdg.DataHome, "tlslab") }

// openPKI opens the lab's own authority, and makes it on first use.
func openPKI() (*pki.Dir, error) { return pki.Open(filepath.Join(dataDir(), "pki"), time.Now()) }

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
	cmd.AddCommand(
		&cobra.Command{
			Use: "show", Short: p.say("cmd_pki_show_short"), Long: p.say("cmd_pki_show_short"), Args: p.noArgs, DisableFlagsInUseLine: true,
			RunE: func(*cobra.Command, []string) error { return p.pkiShow() },
		},
		&cobra.Command{
			Use: "ca", Short: p.say("cmd_pki_ca_short"), Long: p.say("cmd_pki_ca_long"), Example: p.say("cmd_pki_ca_example"), Args: p.noArgs, DisableFlagsInUseLine: true,
			RunE: func(*cobra.Command, []string) error { return p.pkiCA() },
		},
		&cobra.Command{
			Use: "client " + p.say("cmd_name_arg"), Short: p.say("cmd_pki_client_short"), Long: p.say("cmd_pki_client_long"),
			Example: p.say("cmd_pki_client_example"), DisableFlagsInUseLine: true,
			Args: func(_ *cobra.Command, args []string) error {
				if len(args) != 1 {
					return usage(p.say("cmd_pki_client_one_name"))
				}
				return nil
			},
			RunE: func(_ *cobra.Command, args []string) error { return p.pkiClient(args[0]) },
		},
	)
	return cmd
}

// pkiShow describes every certificate in the folder.
func (p *program) pkiShow() error {
	dir, err := openPKI()
	if err != nil {
		return err
	}
	if _, err := dir.Server(); err != nil {
		return err
	}
	fmt.Fprintln(p.out, p.say("cmd_pki_folder", "path", safe(filepath.Dir(dir.CertFile("ca")))))
	files, err := filepath.Glob(filepath.Join(filepath.Dir(dir.CertFile("ca")), "*.pem"))
	if err != nil {
		return err
	}
	var bad error
	for _, file := range files {
		certificate, err := pki.Load(file, strings.TrimSuffix(file, ".pem")+".key")
		if err != nil {
			bad = err
			continue
		}
		fmt.Fprintln(p.out)
		p.describe(file, certificate.Leaf)
	}
	return bad
}

// describe prints a certificate, a fact a line.
func (p *program) describe(file string, c *x509.Certificate) {
	p.fact("cmd_pki_file", file)
	p.fact("cmd_pki_subject", c.Subject.String())
	if names := namesOf(c); names != "" {
		p.fact("cmd_pki_names", names)
	}
	p.fact("cmd_pki_issuer", c.Issuer.String())
	p.fact("cmd_pki_valid", p.say("cmd_pki_from_until", "from", day(c.NotBefore), "until", day(c.NotAfter)))
	p.fact("cmd_pki_fingerprint", fingerprint(c))
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
func (p *program) pkiCA() error {
	dir, err := openPKI()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, safe(dir.CertFile("ca")))
	return err
}

func (p *program) pkiClient(name string) error {
	dir, err := openPKI()
	if err != nil {
		return err
	}
	if _, err := dir.Client(name); err != nil {
		if errors.As(err, new(*pki.FileError)) || errors.As(err, new(*fs.PathError)) {
			return err
		}
		return usage(p.say("cmd_pki_bad_name", "name", safe(name)))
	}
	certificate, key := dir.CertFile(name), dir.KeyFile(name)
	p.fact("cmd_pki_certificate", certificate)
	p.fact("cmd_pki_key", key)
	fmt.Fprintln(p.out, p.say("cmd_pki_client_use",
		"command", p.name+" client --cert "+shellQuote(certificate)+" --key "+shellQuote(key)))
	return nil
}
