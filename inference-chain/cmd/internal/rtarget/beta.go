package rtarget

import "math"

// betaInverse returns the x below ½ at which the symmetric Beta(a, a) distribution
// has the lower tail p < ½, by bisection to the last bit: its tail is monotone, and
// some sixty evaluations cost nothing here.
func betaInverse(p, a float64) float64 {
	low, high := 0.0, 0.5
	for {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			return middle
		}
		if betaTail(middle, a) < p {
			low = middle
		} else {
			high = middle
		}
	}
}

// betaTail is the regularised incomplete beta function I_x(a, a) for 0 < x < ½:
// (x(1−x))^a/(a·B(a, a)) times a continued fraction (DLMF 8.17.22).
//
// With B(a, a) = 2^(1−2a)·B(½, a) the power becomes (4x(1−x))^a = (1−(1−2x)²)^a,
// which loses no digits when a is in the thousands, as log-gamma would.
func betaTail(x, a float64) float64 {
	deviation := 1 - 2*x
	power := math.Exp(a * math.Log1p(-deviation*deviation))
	return power / (2 * a * betaHalf(a)) * continuedFraction(x, a)
}

// betaHalf is B(½, a) = √π·Γ(a)/Γ(a+½), by the recurrence Γ(a+1) = a·Γ(a) up to
// where the asymptotic series of the ratio (DLMF 5.11.13) is exact to a double.
func betaHalf(a float64) float64 {
	factor := 1.0
	for ; a < 32; a++ {
		factor *= (a + 0.5) / a
	}
	// Γ(a+½)/Γ(a) = √a·(1 − 1/(8a) + 1/(128a²) + 5/(1024a³) − 21/(32768a⁴) − 399/(262144a⁵) + …)
	t := 1 / a
	series := 1 + t*(-1.0/8+t*(1.0/128+t*(5.0/1024+t*(-21.0/32768+t*(-399.0/262144+t*(869.0/4194304+t*(39325.0/33554432)))))))
	return factor * math.Sqrt(math.Pi/a) / series
}

// continuedFraction evaluates 1/(1+ d₁/(1+ d₂/(1+ …))) by Lentz's method.
func continuedFraction(x, a float64) float64 {
	const tiny = 1e-300
	value, c, d := 1.0, 1.0, 0.0
	for m := 1; m < 1_000_000; m++ {
		coefficient := partial(m, x, a)
		d = 1 / guard(1+coefficient*d, tiny)
		c = guard(1+coefficient/c, tiny)
		step := c * d
		value *= step
		if math.Abs(step-1) < 1e-17 {
			break
		}
	}
	return 1 / value
}

func partial(m int, x, a float64) float64 {
	k := float64(m / 2)
	if m%2 == 0 {
		return k * (a - k) * x / ((a + 2*k - 1) * (a + 2*k))
	}
	return -(a + k) * (2*a + k) * x / ((a + 2*k) * (a + 2*k + 1))
}

func guard(value, least float64) float64 {
	if math.Abs(value) < least {
		return least
	}
	return value
}
