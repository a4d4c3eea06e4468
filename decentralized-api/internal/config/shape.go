package config

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"
)

var durationType = reflect.TypeFor[time.Duration]()

// checkShape compares a file with Config, before anything is decoded: it names every
// key that Config does not have, each with the nearest one that it has, and every
// value of another kind than its field's. The decoder would take 1.9 for 1 and "m"
// for ["m"].
func checkShape(raw map[string]any) error {
	return checkTable(raw, reflect.TypeFor[Config](), "")
}

func checkTable(raw map[string]any, shape reflect.Type, path string) error {
	known := keysOf(shape)
	var failures []error
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		field, ok := known[key]
		if !ok {
			failures = append(failures, unknownKey(path+key, path, key, known))
			continue
		}
		failures = append(failures, checkValue(raw[key], field, path+key))
	}
	return errors.Join(failures...)
}

func checkValue(value any, shape reflect.Type, path string) error {
	switch {
	case shape == durationType:
		return checkDuration(value, path)
	case shape.Kind() == reflect.Struct:
		table, ok := value.(map[string]any)
		if !ok {
			return wrongKind(path, fmt.Sprintf("a table, as [%s]", path), value)
		}
		return checkTable(table, shape, path+".")
	case shape.Kind() == reflect.Slice:
		return checkList(value, shape.Elem(), path)
	case shape.Kind() == reflect.String:
		return kindOf[string](value, path, `text, as "…"`)
	case shape.Kind() == reflect.Bool:
		return kindOf[bool](value, path, "true or false")
	case shape.Kind() == reflect.Uint32:
		if number, ok := value.(int64); !ok || number < 0 || number > math.MaxUint32 {
			return wrongKind(path, "a whole number of at least 0", value)
		}
		return nil
	}
	return fmt.Errorf("%w: %s is of a kind that no file can hold, %s", ErrInvalid, path, shape.Kind())
}

func checkList(value any, element reflect.Type, path string) error {
	rows := reflect.ValueOf(value) // []any, or []map[string]any of [[tables]]
	if rows.Kind() != reflect.Slice {
		if element.Kind() == reflect.Struct {
			return wrongKind(path, fmt.Sprintf("a list of tables, as [[%s]] or [{…}]", path), value)
		}
		return wrongKind(path, `a list, as ["…"]`, value)
	}
	var failures []error
	for i := range rows.Len() {
		failures = append(failures, checkValue(rows.Index(i).Interface(), element, fmt.Sprintf("%s[%d]", path, i)))
	}
	return errors.Join(failures...)
}

func checkDuration(value any, path string) error {
	text, ok := value.(string)
	if ok {
		_, err := time.ParseDuration(text)
		ok = err == nil
	}
	if !ok {
		return wrongKind(path, `a duration, as "500ms" or "3s"`, value)
	}
	return nil
}

func kindOf[T any](value any, path, want string) error {
	if _, ok := value.(T); !ok {
		return wrongKind(path, want, value)
	}
	return nil
}

func wrongKind(path, want string, value any) error {
	if _, ok := value.(map[string]any); ok {
		return fmt.Errorf("%w: %s must be %s, got a table", ErrInvalid, path, want)
	}
	return fmt.Errorf("%w: %s must be %s, got %#v", ErrInvalid, path, want, value)
}

func unknownKey(full, path, key string, known map[string]reflect.Type) error {
	nearest, distance := "", len(key)
	for _, candidate := range slices.Sorted(maps.Keys(known)) {
		if d := edits(key, candidate); d < distance {
			nearest, distance = candidate, d
		}
	}
	if nearest == "" || distance > max(2, len(key)/2) {
		return fmt.Errorf("%w: unknown key %q; known here: %v", ErrInvalid, full, slices.Sorted(maps.Keys(known)))
	}
	return fmt.Errorf("%w: unknown key %q, did you mean %q?", ErrInvalid, full, path+nearest)
}

// keysOf maps a struct's koanf names to the types of their fields.
func keysOf(shape reflect.Type) map[string]reflect.Type {
	keys := make(map[string]reflect.Type, shape.NumField())
	for i := range shape.NumField() {
		keys[shape.Field(i).Tag.Get("koanf")] = shape.Field(i).Type
	}
	return keys
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
