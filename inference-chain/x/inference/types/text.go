package types

import (
	"fmt"
	"unicode/utf8"
)

// checkText refuses text that is too long or that would not show as it is: it is
// printed by terminals and explorers. What counts as a letter is not asked,
// because that changes with versions of Unicode.
func checkText(field, text string, limit int) error {
	if len(text) > limit {
		return fmt.Errorf("%s has %d bytes, at most %d are possible", field, len(text), limit)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%s must be UTF-8", field)
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return fmt.Errorf("%s must not hold control characters, got byte %#x at %d", field, text[i], i)
		}
	}
	return nil
}

// isName says whether text is 1 to limit letters, digits, dots, underscores and
// dashes, or one of the others.
func isName(text string, limit int, others string) bool {
	if text == "" || len(text) > limit {
		return false
	}
	for i := range len(text) {
		if !nameByte(text[i], others) {
			return false
		}
	}
	return true
}

func nameByte(b byte, others string) bool {
	switch {
	case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', isDigit(b), b == '.', b == '_', b == '-':
		return true
	}
	for i := range len(others) {
		if b == others[i] {
			return true
		}
	}
	return false
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// isPort says whether text is the decimal of 1 to 65535, without leading zero.
func isPort(text string) bool {
	if text == "" || len(text) > 5 || text[0] == '0' {
		return false
	}
	port := 0
	for i := range len(text) {
		if !isDigit(text[i]) {
			return false
		}
		port = port*10 + int(text[i]-'0')
	}
	return port <= 65535
}
