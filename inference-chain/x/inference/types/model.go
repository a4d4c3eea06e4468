package types

import "strings"

// hfCommitDigits is the length of a commit of a Hugging Face repository, in hex.
const hfCommitDigits = 40

// IsModelID says whether text can be the id of a model.
func IsModelID(id string) bool { return isName(id, MaxModelIDBytes, "/") }

// Validate refuses a model that the registry cannot take. The error is an
// ErrInvalidModel that names the field and what would be right.
func (m Model) Validate() error {
	switch {
	case !IsModelID(m.Id):
		return ErrInvalidModel.Wrapf("id must match [A-Za-z0-9._/-]{1,%d}, got %q", MaxModelIDBytes, m.Id)
	case !isRepo(m.HfRepo):
		return ErrInvalidModel.Wrapf("hf_repo must be owner/name, got %q", m.HfRepo)
	case !isCommit(m.HfCommit):
		return ErrInvalidModel.Wrapf("hf_commit must be %d lower-case hex digits, got %q", hfCommitDigits, m.HfCommit)
	case m.ThroughputPerNonce == 0 || m.ThroughputPerNonce > MaxModelNumber:
		return ErrInvalidModel.Wrapf("throughput_per_nonce must lie in [1, %d], got %d", MaxModelNumber, m.ThroughputPerNonce)
	case m.UnitsOfComputePerToken == 0 || m.UnitsOfComputePerToken > MaxModelNumber:
		return ErrInvalidModel.Wrapf("units_of_compute_per_token must lie in [1, %d], got %d", MaxModelNumber, m.UnitsOfComputePerToken)
	case m.VramGb > MaxModelNumber:
		return ErrInvalidModel.Wrapf("vram_gb must be at most %d, got %d", MaxModelNumber, m.VramGb)
	case m.ContextSize > MaxModelNumber:
		return ErrInvalidModel.Wrapf("context_size must be at most %d, got %d", MaxModelNumber, m.ContextSize)
	case len(m.ModelArgs) > MaxModelArgs:
		return ErrInvalidModel.Wrapf("model_args has %d entries, at most %d are possible", len(m.ModelArgs), MaxModelArgs)
	}
	return m.validateText()
}

func (m Model) validateText() error {
	for _, field := range []struct {
		name, text string
		limit      int
	}{
		{"proposed_by", m.ProposedBy, MaxMetadataBytes},
		{"name", m.Name, MaxModelNameBytes},
		{"version", m.Version, MaxModelVersionBytes},
		{"quantization", m.Quantization, MaxQuantizationBytes},
		{"kv_cache_quantization", m.KvCacheQuantization, MaxQuantizationBytes},
	} {
		if err := checkText(field.name, field.text, field.limit); err != nil {
			return ErrInvalidModel.Wrap(err.Error())
		}
	}
	for _, arg := range m.ModelArgs {
		if err := checkText("model_args", arg, MaxModelArgBytes); err != nil {
			return ErrInvalidModel.Wrap(err.Error())
		}
	}
	return nil
}

func isRepo(text string) bool {
	owner, name, found := strings.Cut(text, "/")
	return found && isName(owner, MaxRepoPartBytes, "") && isName(name, MaxRepoPartBytes, "")
}

func isCommit(text string) bool {
	if len(text) != hfCommitDigits {
		return false
	}
	for i := range len(text) {
		if b := text[i]; !isDigit(b) && (b < 'a' || b > 'f') {
			return false
		}
	}
	return true
}
