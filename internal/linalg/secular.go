package linalg

import "math"

// secular is the equation 1/rho + Σ_j z_j²/(d_j − λ) = 0 with rising poles d, rho > 0 and no z_j of
// zero. Its roots, the eigenvalues of diag(d) + rho·z·zᵀ, are kept as distances tau from the nearer
// pole at, so that d_j − λ is known to high relative accuracy.
type secular struct {
	rho  float64
	d, z []float64
	at   []int
	tau  []float64
}

// difference returns d_j − λ_i.
func (s *secular) difference(j, i int) float64 { return s.d[j] - s.d[s.at[i]] - s.tau[i] }

// root returns λ_i.
func (s *secular) root(i int) float64 { return s.d[s.at[i]] + s.tau[i] }

// solve finds root i, which lies between poles i and i+1, or beyond the last.
func (s *secular) solve(i int) {
	last := len(s.d) - 1
	if last == 0 {
		s.tau[0] = s.rho * s.z[0] * s.z[0]
		return
	}
	if i == last {
		var norm float64
		for _, z := range s.z {
			norm += z * z
		}
		top := s.rho * norm
		s.at[i] = last
		s.tau[i] = s.search(last-1, last, 0, top, top/2)
		return
	}
	gap := s.d[i+1] - s.d[i]
	s.at[i] = i
	near, far := s.z[i]*s.z[i], s.z[i+1]*s.z[i+1]
	value := 1 / s.rho
	for j, z := range s.z {
		if j != i && j != i+1 {
			value += z * z / (s.d[j] - s.d[i] - gap/2)
		}
	}
	// value is what the other poles add in the middle; with it the two next ones give a first guess
	if value+2*(far-near)/gap >= 0 {
		s.tau[i] = s.search(i, i, 0, gap/2, between(value, near, far, gap))
		return
	}
	s.at[i] = i + 1
	s.tau[i] = s.search(i, i+1, -gap/2, 0, -between(-value, far, near, gap))
}

// between returns the smaller root t of c − near/t + far/(gap−t) = 0, t in (0, gap).
func between(c, near, far, gap float64) float64 {
	a, b := c*gap+near+far, near*gap
	root := math.Sqrt(math.Max(a*a-4*b*c, 0))
	if a > 0 {
		return 2 * b / (a + root)
	}
	return (a - root) / (2 * c)
}

// search finds the root in (low, high), distances from pole at, starting from tau. Where the sum over
// the poles up to left and that over the others are replaced by one pole each, left and left+1, of
// the same value and slope, the next guess is the root of a quadratic (Bunch, Nielsen & Sorensen,
// Rank-one modification of the symmetric eigenproblem, 1978, in the form of Li, LAPACK working note
// 89). Guesses outside the bracket are replaced by points inside.
func (s *secular) search(left, at int, low, high, tau float64) float64 {
	sums := 8 + float64(len(s.z))/64 // rounding errors of the sums, in units
	for range 100 {
		if !(tau > low && tau < high) {
			tau = inside(low, high)
		}
		if tau == low || tau == high {
			return tau
		}
		var psi, phi, dpsi, dphi float64
		for j, z := range s.z[:left+1] {
			t := z / (s.d[j] - s.d[at] - tau)
			psi += z * t
			dpsi += t * t
		}
		for j, z := range s.z[left+1:] {
			t := z / (s.d[left+1+j] - s.d[at] - tau)
			phi += z * t
			dphi += t * t
		}
		f := 1/s.rho + psi + phi
		noise := 1/s.rho + sums*(math.Abs(psi)+math.Abs(phi)) + math.Abs(tau)*(dpsi+dphi)
		if math.Abs(f) <= 0x1p-53*noise {
			return tau
		}
		if f < 0 {
			low = tau
		} else {
			high = tau
		}
		d1, d2 := s.d[left]-s.d[at]-tau, s.d[left+1]-s.d[at]-tau
		c := f - d1*dpsi - d2*dphi
		a, b := (d1+d2)*f-d1*d2*(dpsi+dphi), d1*d2*f
		root := math.Sqrt(math.Abs(a*a - 4*b*c))
		if left+2 == len(s.d) && at == left+1 && high > 0 { // beyond the last pole: the other root
			root = -root
		}
		step := 2 * b / (a + root)
		if a*root <= 0 {
			step = (a - root) / (2 * c)
		}
		next := tau + step
		if next == tau {
			return tau
		}
		tau = next
	}
	return tau
}

// inside returns a point between two bounds of the same sign, one of which may be zero: the other
// one may then be far from what is sought.
func inside(low, high float64) float64 {
	switch {
	case low == 0:
		return high / 16
	case high == 0:
		return low / 16
	}
	return low + (high-low)/2
}

// refit replaces z_j, j in [lo, hi), into out by those for which the roots as found are exact
// eigenvalues (Gu & Eisenstat, A stable and efficient algorithm for the rank-one modification of the
// symmetric eigenproblem, 1994): only then are the vectors orthogonal. The factor rho is left out.
func (s *secular) refit(out []float64, lo, hi int) {
	last := len(s.d) - 1
	for j := lo; j < hi; j++ {
		p := math.Abs(s.difference(j, last))
		for i := range j {
			p *= s.difference(j, i) / (s.d[j] - s.d[i])
		}
		for i := j; i < last; i++ {
			p *= s.difference(j, i) / (s.d[j] - s.d[i+1])
		}
		out[j] = math.Copysign(math.Sqrt(math.Abs(p)), s.z[j])
	}
}

// vector writes element j of the unit eigenvector of root i to out[place[j]].
func vector[T Float](s *secular, out []T, z []float64, place []int, i int) {
	var sum float64
	for j, v := range z {
		v /= s.difference(j, i)
		sum += v * v
	}
	f := 1 / math.Sqrt(sum)
	for j, v := range z {
		out[place[j]] = T(v / s.difference(j, i) * f)
	}
}
