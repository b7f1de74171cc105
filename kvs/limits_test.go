package kvs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// reached says which test, or part of a suite of tests, reaches each limit that a constant of these packages states.
var reached = map[string]string{
	"kernel.DefaultMaxConns":             "TestWhoReachesALimitIsSentAwayAndTheOthersAreServed",
	"kernel.DefaultMaxConnsPerHost":      "TestHandshakesThatNeverEndTakeNoPlaceForLong",
	"kernel.DefaultMaxHandshakes":        "TestWhoReachesALimitIsSentAwayAndTheOthersAreServed",
	"kernel.DefaultMaxHandshakesPerHost": "TestHandshakesThatNeverEndTakeNoPlaceForLong",
	"kernel.DefaultHandshakeRate":        "TestAFloodOfHandshakesLeavesTheOthersPromptAndTheDoorOpenForNewOnes",
	"kernel.DefaultMaxRequests":          "TestARequestWhoseTurnDoesNotComeIsNotCarriedOut",
	"kernel.DefaultMaxStretches":         "TestAStretchThatIsCarriedOutHoldsUpOtherStretchesAndNoRequest",
	"kernel.DefaultMaxRequest":           "TestARequestOfAnyLengthTakesNoMoreMemoryThanTheLongestOne",
	"kernel.DefaultMaxAnswers":           "TestAnswersThatNobodyReadsHoldBoundedMemoryForABoundedTime",
	"kernel.DefaultHandshakeTimeout":     "TestWhoNeverFinishesTheHandshakeIsGivenUpAfter10Seconds",
	"kernel.DefaultIdleTimeout":          "TestHalfARequestIsNeverCarriedOutHoweverTheClientGoes",
	"kernel.DefaultRequestTimeout":       "TestRequestsThatNeverEndAreNotWaitedForForLong",
	"kernel.DefaultRequestWait":          "TestARequestWhoseTurnDoesNotComeIsNotCarriedOut",
	"kernel.DefaultWriteTimeout":         "TestAnswersThatNobodyReadsHoldBoundedMemoryForABoundedTime",
	"kernel.DefaultShutdownTimeout":      "TestStoppingCutsWhatIsNotOverInTime",
	"kernel.DefaultLinger":               "TestAConnectionThatNobodyReadsLingersNoLongerThanItMay",
	"kernel.DefaultRenewEvery":           "TestNothingIsLoadedWhileNothingChanges",
	"kernel.MaxStatisticsConns":          "TestSilentReadersOfStatisticsTakeNoMoreThanTheirPlaces",
	"kernel.MaxStatisticsRequest":        "TestStatisticsCanBeReadAndNothingElse",

	"kvs.DefaultAnswerLimit": "TestAnAnswerThatWouldBeTooLongIsAnErrorAndTheConnectionGoesOn",
	"kvs.MaxTokens":          "TestAFileThatIsNotOneOfTokensIsRefusedWithItsLine",

	"store.DefaultMemoryLimit": "TestAFloodOfNewKeysEndsAtTheStoresLimit",
	"store.DefaultFileLimit":   "full",
	"store.MaxKey":             "tooLarge",
	"store.MaxValue":           "tooLarge",
}

// notReached says why no test reaches a limit.
var notReached = map[string]string{
	"kvs.MaxAnswer": "it bounds the client, against its server",
	"store.MaxFile": "2 GiB would have to be written",
	"store.MaxLine": "it is more than the largest pair takes, which other limits refuse",
}

func TestEachLimitThatIsStatedIsReachedByATest(t *testing.T) {
	tests := make(map[string]bool)
	limit := regexp.MustCompile(`^(Default|Max)[A-Z]`)
	for _, dir := range []string{"kernel", ".", "store", "store/storetest"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		check(t, err)
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			check(t, err)
			for _, declaration := range file.Decls {
				switch d := declaration.(type) {
				case *ast.FuncDecl:
					tests[d.Name.Name] = true
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						value, ok := spec.(*ast.ValueSpec)
						if !ok || d.Tok != token.CONST {
							continue
						}
						for _, id := range value.Names {
							name := file.Name.Name + "." + id.Name
							if limit.MatchString(id.Name) && !strings.HasSuffix(file.Name.Name, "_test") && reached[name]+notReached[name] == "" {
								t.Errorf("no test is named that reaches %s", name)
							}
						}
					}
				}
			}
		}
	}
	for name, test := range reached {
		if !tests[test] {
			t.Errorf("%s: there is no test %s", name, test)
		}
	}
}
